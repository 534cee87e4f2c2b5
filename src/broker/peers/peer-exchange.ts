/**
 * Between the mesh of brokers and the tenants of this one: what peers send goes to its tenant, who is new is told what everybody has to
 * know, and when a peer is down what it leaves behind is seen to.
 */
import type { CreditFrame, PeerFrame } from '../../cluster/peer-frame.ts';
import { isKnown } from '../../cluster/peer-frame-codec.ts';
import type { FrameHandler, PeerLink } from '../../cluster/peer-links.ts';
import type { Member } from '../../cluster/member.ts';
import type { MeshObserver, PeerMesh } from '../../cluster/peer-mesh.ts';
import type { AppliedOffsets } from '../../event-log/applied-offsets.ts';
import type { LogPosition } from '../../event-log/event-log.ts';
import type { RoutePlace } from '../../routing/subscriber.ts';
import type { Incarnation, TenantId } from '../../tenancy/identity.ts';
import type { Timers } from '../../time/clock.ts';
import type { TenantBroker } from '../tenant-broker.ts';
import { encodeSentThrough } from './hand-off.ts';
import type { Forget } from './applied-question.ts';
import type { PeerNews } from './peer-news.ts';
import { PeerOutbox } from './peer-outbox.ts';
import { RetainedBarrier } from './retained-barrier.ts';

export interface PeerExchangeOptions {
  readonly mesh: PeerMesh;
  readonly timers: Timers;
  /** Of the session log, in this process. */
  readonly applied: AppliedOffsets;
  /** Of the log of retained messages. */
  readonly appliedRetained: AppliedOffsets;
  readonly waitMsMax: number;
  readonly noticeBytesMax: number;
  readonly tenants: () => Iterable<TenantBroker>;
  readonly tenant: (tenant: TenantId) => TenantBroker | undefined;
}

export class PeerExchange implements MeshObserver, FrameHandler {
  readonly mesh: PeerMesh;
  readonly #retained: RetainedBarrier;
  readonly #options: PeerExchangeOptions;
  readonly #outboxes = new Map<Incarnation, PeerOutbox>();
  /** By outboxes of brokers that are down. */
  #droppedBefore = 0;
  /** Resolves when that peer routes by all our filters. */
  readonly #greetings = new Map<Incarnation, Promise<unknown>>();
  /** Peers that found us before we heard of them: what they say waits its turn. */
  readonly #meetings = new Map<Incarnation, Promise<void>>();

  constructor(options: PeerExchangeOptions) {
    this.#options = options;
    this.mesh = options.mesh;
    this.#retained = new RetainedBarrier(options.timers, (positions) => this.#askRetained(positions));
  }

  readonly outboxTo = (peer: Incarnation): PeerOutbox | undefined => this.#outboxes.get(peer);

  /** Messages that peers were too far behind to be sent. */
  get dropped(): number {
    let dropped = this.#droppedBefore;
    for (const outbox of this.#outboxes.values()) dropped += outbox.dropped;
    return dropped;
  }

  /** Resolves when every live peer has applied the session log that far; undefined: there is none. */
  appliedEverywhere(positions: readonly LogPosition[]): Promise<void> | undefined {
    return positions.length === 0 ? undefined : this.#askApplied(positions);
  }

  /**
   * Resolves when every live peer shows the retained messages at these positions; undefined: there is none. One of the release before is
   * not waited for: it cannot say so.
   */
  retainedEverywhere(positions: readonly LogPosition[]): Promise<void> | undefined {
    return this.#outboxes.size === 0 ? undefined : this.#retained.pass(positions);
  }

  /** Resolves when every live peer routes by it; undefined: there is none. */
  tellInterest(tenant: TenantId, place: RoutePlace): Promise<void> | undefined {
    return this.#everywhere('interest', (news, done) => news.interest(tenant, place, true, done));
  }

  tellNoInterest(tenant: TenantId, place: RoutePlace): void {
    for (const { news } of this.#outboxes.values()) news.interest(tenant, place, false, () => undefined);
  }

  /** Of a session connected here. */
  tellCredit(frame: CreditFrame): void {
    for (const outbox of this.#outboxes.values()) outbox.credit(frame);
  }

  /** Resolves when all peers know this broker and what it knows of theirs is complete. Before that it must not serve. */
  async meetEverybody(): Promise<void> {
    await this.#askApplied([]);
  }

  peerUp(link: PeerLink): void {
    const { incarnation } = link.peer;
    const { timers, waitMsMax, noticeBytesMax } = this.#options;
    const outbox = new PeerOutbox({ link, timers, waitMsMax, noticeBytesMax });
    this.#outboxes.set(incarnation, outbox);
    const frames = Array.from(this.#options.tenants(), ({ peers }) => [...peers.interest.frames()]).flat();
    this.#greetings.set(
      incarnation,
      Promise.all(frames.map((frame) => new Promise((resolve) => link.send(frame, resolve)))),
    );
    for (const { peers } of this.#options.tenants()) {
      for (const frame of peers.credit.frames()) outbox.credit(frame);
    }
  }

  peerDown({ incarnation }: Member): void {
    const outbox = this.#outboxes.get(incarnation);
    this.#droppedBefore += outbox?.dropped ?? 0;
    outbox?.news.close();
    this.#outboxes.delete(incarnation);
    this.#greetings.delete(incarnation);
    for (const tenant of this.#options.tenants()) tenant.peerDown(incarnation);
  }

  linkChanged(link: PeerLink): void {
    this.#outboxes.get(link.peer.incarnation)?.linkChanged();
  }

  /** Nobody waits for a peer any more. */
  close(): void {
    for (const { news } of this.#outboxes.values()) news.close();
  }

  onFrame(from: Incarnation, frame: PeerFrame): Promise<Buffer | undefined> | undefined {
    const meeting = this.#meeting(from);
    return meeting === undefined ? this.#take(from, frame) : meeting.then(() => this.#take(from, frame));
  }

  /** undefined: the peer is known. What it sends meanwhile stays in order. */
  #meeting(from: Incarnation): Promise<void> | undefined {
    const meeting = this.#meetings.get(from);
    if (meeting !== undefined || this.mesh.link(from) !== undefined) return meeting;
    const begun = this.mesh
      .meet(from)
      .then(() => undefined)
      .finally(() => this.#meetings.delete(from));
    this.#meetings.set(from, begun);
    return begun;
  }

  #take(from: Incarnation, frame: PeerFrame): Promise<Buffer | undefined> | undefined {
    if (frame.type === 'awaitApplied') return this.#awaitApplied(from, frame.positions);
    if (frame.type === 'awaitRetained') return this.#awaitRetained(frame.positions);
    // A tenant that is not served here has neither sessions nor routes.
    const tenant = this.#options.tenant(frame.tenant);
    if (tenant === undefined) return undefined;
    switch (frame.type) {
      case 'interest':
        tenant.peers.applyInterest(from, frame.added, frame.removed);
        return undefined;
      case 'message':
        return tenant.peers.take(frame);
      case 'reached':
        tenant.peers.reached(frame);
        return undefined;
      case 'handOff':
        return tenant.peers.handOffs.release(frame.clientId, frame.sessionId).then(encodeSentThrough);
      case 'credit':
        tenant.peers.creditChanged(from, frame);
        return undefined;
    }
  }

  #askApplied(positions: readonly LogPosition[]): Promise<void> | undefined {
    return this.#everywhere('awaitApplied', (news, done) => news.applied('session', positions, done));
  }

  #askRetained(positions: readonly LogPosition[]): Promise<void> | undefined {
    return this.#everywhere('awaitRetained', (news, done) => news.applied('retained', positions, done));
  }

  /** Resolves when it is done with every live peer that knows such frames, or has taken too long; undefined: there is none. */
  #everywhere(
    what: PeerFrame['type'],
    begin: (news: PeerNews, done: () => void) => Forget,
  ): Promise<void> | undefined {
    const outboxes = [...this.#outboxes.values()].filter(({ link }) => isKnown(what, link.version));
    if (outboxes.length === 0) return undefined;
    const all = outboxes.map(({ link, news }) =>
      this.mesh.inTime<true>(link, what, (done) =>
        begin(news, () => {
          done(true);
        }),
      ),
    );
    return Promise.all(all).then(() => undefined);
  }

  async #awaitApplied(from: Incarnation, positions: readonly LogPosition[]): Promise<undefined> {
    await this.#greetings.get(from);
    await this.#options.applied.waitFor(positions);
  }

  #awaitRetained(positions: readonly LogPosition[]): Promise<undefined> | undefined {
    return this.#options.appliedRetained.waitFor(positions)?.then(() => undefined);
  }
}
