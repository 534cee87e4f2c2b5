/**
 * What is on its way to one other broker. Messages of one turn that are the same go once, with all their receivers. A peer that is slow
 * or away costs the others nothing: what its clients can find in their queues becomes a position, QoS 0 is dropped and counted, and
 * whoever waits for the rest waits for a bounded time.
 */
import { cutByBytes, FRAME_OVERHEAD_BYTES } from '../../cluster/frame-bounds.ts';
import type { CreditFrame, PeerTarget } from '../../cluster/peer-frame.ts';
import type { FrameOutcome, PeerLink } from '../../cluster/peer-links.ts';
import { reachedQueueBytesMax } from '../../cluster/wire/session-frame-codec.ts';
import type { Seq } from '../../queue/durable-queue.ts';
import { messageBytesMax } from '../../queue/message-codec.ts';
import { messageBytes, type Message } from '../../queue/message.ts';
import type { PublishOrigin, Waiting } from '../../routing/subscriber.ts';
import type { ClientId, SessionId, TenantId } from '../../tenancy/identity.ts';
import type { Timers } from '../../time/clock.ts';
import { byTenant } from './by-tenant.ts';
import { messageFrames } from './message-frames.ts';
import { PeerNews } from './peer-news.ts';

export interface PeerOutboxOptions {
  readonly link: PeerLink;
  readonly timers: Timers;
  /** A publisher that waits for the peer waits no longer than this. */
  readonly waitMsMax: number;
  /** Messages up to this size go along with the position they were appended at; larger ones the peer reads from the queue. */
  readonly noticeBytesMax: number;
}

/** A session that is connected to the peer. */
export interface RemoteSession {
  readonly tenant: TenantId;
  readonly clientId: ClientId;
  readonly sessionId: SessionId;
}

/** A shared group of which the peer has members that are in no other broker's routes. */
export interface RemoteGroup {
  readonly name: string;
  readonly filter: string;
}

/** Unhandled bytes from which on a peer is behind: it gets positions instead of messages. */
const BYTES_HIGH = 8 * 1024 * 1024;
/** Unhandled bytes from which on nothing more is taken, not even what a publisher waits for. */
const BYTES_MAX = 8 * BYTES_HIGH;
/** How often those who wait are looked at. */
const TICK_MS = 250;

interface Staged {
  readonly tenant: TenantId;
  readonly targets: PeerTarget[];
  readonly groups: RemoteGroup[];
  forInterest: boolean;
  origin: PublishOrigin | undefined;
  readonly tickets: Ticket[];
}

/** Somebody who waits; once told, not told again. */
interface Ticket {
  readonly waiting: Waiting;
  readonly since: number;
  /** The peer is down: its transient sessions are no more, but a shared group has other members. */
  readonly onGone: (() => void) | undefined;
  done: boolean;
}

export class PeerOutbox {
  readonly link: PeerLink;
  readonly news: PeerNews;
  /** QoS 0 messages and forwards that were not taken: the peer is behind, or takes none so large. */
  dropped = 0;
  readonly #options: PeerOutboxOptions;
  #staged = new Map<Message, Staged>();
  /** By session id and tenant: how far its queue reaches, not told yet. */
  readonly #reached = new Map<string, RemoteSession & { readonly seq: Seq }>();
  /** By tenant and client, not told yet; the latest counts. */
  readonly #credits = new Map<string, CreditFrame>();
  readonly #tickets = new Set<Ticket>();
  #flushing = false;
  #tick = 0;
  #ticking = false;

  constructor(options: PeerOutboxOptions) {
    this.link = options.link;
    this.news = new PeerNews(options.link, () => {
      this.#flushLater();
    });
    this.#options = options;
  }

  /** It takes messages as they come. */
  get hasRoom(): boolean {
    return this.link.isUp && this.link.unhandledBytes < BYTES_HIGH;
  }

  /** Queues whose positions wait for room. */
  get waitingPositions(): number {
    return this.#reached.size;
  }

  /** For one session there; with a position if it is in its durable queue. */
  deliver(tenant: TenantId, message: Message, target: PeerTarget, origin?: PublishOrigin): void {
    const { seq, clientId, sessionId } = target;
    if (seq > 0 && (!this.#takes(message) || messageBytes(message) > this.#options.noticeBytesMax)) {
      this.reached({ tenant, clientId, sessionId }, seq as Seq);
    } else if (seq === 0 && !this.#takes(message)) {
      this.dropped++;
    } else {
      const staged = this.#stage(tenant, message);
      staged.targets.push(target);
      staged.origin ??= origin;
    }
  }

  /** The queue reaches at least to `seq`. */
  reached(session: RemoteSession, seq: Seq): void {
    const key = `${session.sessionId}/${session.tenant}`;
    if ((this.#reached.get(key)?.seq ?? 0) < seq) this.#reached.set(key, { ...session, seq });
    this.#flushLater();
  }

  /** A session here can take more, or cannot for now. */
  credit(frame: CreditFrame): void {
    this.#credits.set(`${frame.tenant}/${frame.clientId}`, frame);
    this.#flushLater();
  }

  /** For whoever is interested there, or for one member of a group. */
  forward(
    tenant: TenantId,
    message: Message,
    group: RemoteGroup | undefined,
    waiting: Waiting | undefined,
    origin: PublishOrigin | undefined,
    onGone?: () => void,
  ): void {
    if (this.#isTooLarge(message)) {
      // As for a client that takes none so large: it will not take it the next time either, so nobody is to send it again.
      this.dropped++;
      return;
    }
    if (waiting === undefined ? !this.hasRoom : this.link.unhandledBytes >= BYTES_MAX) {
      this.dropped++;
      waiting?.expect();
      waiting?.fail();
      return;
    }
    const staged = this.#stage(tenant, message);
    staged.origin ??= origin;
    if (group === undefined) staged.forInterest = true;
    else staged.groups.push(group);
    if (waiting === undefined) return;
    waiting.expect();
    const ticket = { waiting, since: this.#tick, onGone, done: false };
    staged.tickets.push(ticket);
    this.#tickets.add(ticket);
    if (!this.#ticking) this.#nextTick();
  }

  /** There may be room again. */
  linkChanged(): void {
    this.#flushSmall();
  }

  #stage(tenant: TenantId, message: Message): Staged {
    let staged = this.#staged.get(message);
    if (staged === undefined) {
      staged = { tenant, targets: [], groups: [], forInterest: false, origin: undefined, tickets: [] };
      this.#staged.set(message, staged);
      this.#flushLater();
    }
    return staged;
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.timers.endOfTurn(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    const staged = this.#staged;
    this.#staged = new Map();
    for (const [message, each] of staged) this.#sendStaged(message, each);
    this.#flushSmall();
  };

  #sendStaged(message: Message, { tickets, ...staged }: Staged): void {
    const frames = messageFrames({ type: 'message', message, ...staged }, this.link.frameBytesMax);
    let left = frames.length;
    let gone = false;
    const done = ({ type }: FrameOutcome): void => {
      gone ||= type === 'gone';
      if (--left === 0) for (const ticket of tickets) this.#decide(ticket, gone);
      this.#flushSmall();
    };
    for (const frame of frames) this.link.send(frame, done);
  }

  #takes(message: Message): boolean {
    return this.hasRoom && !this.#isTooLarge(message);
  }

  #isTooLarge(message: Message): boolean {
    return messageBytesMax(message) > this.link.frameBytesMax - FRAME_OVERHEAD_BYTES;
  }

  #decide(ticket: Ticket, gone: boolean): void {
    if (ticket.done) return;
    ticket.done = true;
    this.#tickets.delete(ticket);
    if (gone) ticket.onGone?.();
    ticket.waiting.settle();
  }

  /** Positions, credit and news: a peer that is away would pile them up in the link instead of here, where they replace each other. */
  #flushSmall(): void {
    if (!this.hasRoom) return;
    this.news.flush();
    for (const frame of this.#credits.values()) this.link.send(frame);
    this.#credits.clear();
    if (this.#reached.size === 0) return;
    const sorted = byTenant(this.#reached.values());
    this.#reached.clear();
    for (const [tenant, queues] of sorted) {
      for (const piece of cutByBytes(queues, reachedQueueBytesMax)) {
        this.link.send({ type: 'reached', tenant, queues: piece });
      }
    }
  }

  #nextTick(): void {
    this.#ticking = true;
    this.#options.timers.after(TICK_MS, () => {
      this.#ticking = false;
      this.#tick++;
      const oldest = this.#tick - Math.ceil(this.#options.waitMsMax / TICK_MS);
      for (const ticket of this.#tickets) {
        if (ticket.since > oldest) break;
        this.#tickets.delete(ticket);
        ticket.done = true;
        ticket.waiting.fail();
      }
      if (this.#tickets.size > 0) this.#nextTick();
    });
  }
}
