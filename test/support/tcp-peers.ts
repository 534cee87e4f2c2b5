/** Brokers that are linked over loopback, with what they log and whether they are up to be awaited. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import {
  openTcpPeerLinks,
  type TcpPeerLinks,
  type TcpPeerLinksOptions,
} from '../../src/adapters/peer-tcp/open-tcp-peer-links.ts';
import type { Member } from '../../src/cluster/member.ts';
import type { PeerFrame } from '../../src/cluster/peer-frame.ts';
import type { FrameHandler, FrameOutcome, PeerLink } from '../../src/cluster/peer-links.ts';
import type { Incarnation } from '../../src/tenancy/identity.ts';
import { SystemTimers } from '../../src/transport/system-time.ts';
import { member } from './peer-members.ts';
import { seededRandom } from './seeded-random.ts';

export const FRAME_BYTES_MAX = 1 << 20;

export interface Problem {
  readonly peer: string;
  readonly problem: string;
}

/** What is put into it can be awaited, before and after. */
export class Gathered<Item> {
  readonly items: Item[] = [];
  #waiting: (() => void)[] = [];

  add(item: Item): void {
    this.items.push(item);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async find(isWanted: (item: Item) => boolean): Promise<Item> {
    for (;;) {
      const found = this.items.find(isWanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async reaches(count: number): Promise<readonly Item[]> {
    while (this.items.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.items;
  }
}

export class TcpPeer implements FrameHandler {
  readonly links: TcpPeerLinks;
  readonly problems: Gathered<Problem>;
  readonly frames = new Gathered<PeerFrame>();
  readonly states = new Gathered<boolean>();
  readonly self: Incarnation;
  /** What to answer; default: handled at once, without a reply. */
  answer: (frame: PeerFrame) => Promise<Buffer> | undefined = () => undefined;

  /** Takes frames at once, on a port of 127.0.0.1 if nothing else is said. */
  static async open(self: Incarnation, options: Partial<TcpPeerLinksOptions> = {}): Promise<TcpPeer> {
    const problems = new Gathered<Problem>();
    const links = await openTcpPeerLinks({
      self,
      cluster: 'test',
      host: '127.0.0.1',
      port: 0,
      timers: new SystemTimers(),
      random: seededRandom(1),
      log: {
        warn: (fields) => {
          problems.add(fields as Problem);
        },
      },
      ...options,
      limits: { redialFirstMs: 2, redialMaxMs: 20, frameBytesMax: FRAME_BYTES_MAX, ...options.limits },
    });
    const peer = new TcpPeer(self, links, problems);
    links.receive(peer);
    return peer;
  }

  private constructor(self: Incarnation, links: TcpPeerLinks, problems: Gathered<Problem>) {
    this.self = self;
    this.links = links;
    this.problems = problems;
  }

  get port(): number {
    return this.links.address.port;
  }

  onFrame(_from: Incarnation, frame: PeerFrame): Promise<Buffer | undefined> | undefined {
    this.frames.add(frame);
    return this.answer(frame);
  }

  /** `to`: default: where it says that it is reached. */
  connect(peer: TcpPeer, to = peer.links.address): PeerLink {
    return this.connectTo(member(peer.self, to));
  }

  connectTo(peer: Member): PeerLink {
    return this.links.connect(peer, {
      onState: ({ isUp }) => {
        this.states.add(isUp);
      },
    });
  }

  async close(): Promise<void> {
    await this.links.close();
  }
}

export async function sent(link: PeerLink, frame: PeerFrame): Promise<FrameOutcome> {
  return new Promise((resolve) => {
    link.send(frame, resolve);
  });
}

/** A server that is no broker. */
export async function listening(onSocket: (socket: Socket) => void): Promise<Server & { port: number }> {
  const server = createServer({ noDelay: true }, onSocket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}
