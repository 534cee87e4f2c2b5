/**
 * The other brokers as this one knows them: who is alive, a link to each, and what all of them have to have heard. Alone until it
 * is joined to a membership; then everything that waits for peers waits for those alive, and for none that is down.
 */
import { brokerIdOf, startNumberOf, type Incarnation } from '../tenancy/identity.ts';
import type { Clock, TimerHandle, Timers } from '../time/clock.ts';
import type { Member } from './member.ts';
import type { Reach } from './member-roster.ts';
import type { MemberEvent, Membership } from './membership.ts';
import type { PeerFrame } from './peer-frame.ts';
import type { FrameOutcome, PeerLink, PeerLinks } from './peer-links.ts';
import { rendezvous } from './rendezvous.ts';

export interface MeshLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface PeerMeshOptions {
  readonly incarnation: Incarnation;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: MeshLog;
  /** How long a barrier waits for a peer that is alive and does not answer. */
  readonly barrierTimeoutMs: number;
}

/** Told in this order of every peer: `peerUp` before anything is sent to it by others, `peerDown` when it can do nothing any more. */
export interface MeshObserver {
  peerUp(link: PeerLink): void;
  peerDown(member: Member): void;
  /** The link can take frames again, or cannot for now. */
  linkChanged(link: PeerLink): void;
}

/** A link that has been away for so long is worth a word. */
const UNREACHABLE_AFTER_MS = 2_000;
/** Dead incarnations that are remembered, so that a late record of theirs is known for what it is. */
const DOWN_REMEMBERED = 10_000;

interface Peer {
  member: Member;
  readonly link: PeerLink;
  /** undefined: it is not worth a word. */
  unreachableSinceMs: number | undefined;
  timer: TimerHandle | undefined;
  /** Called when the link has come up or gone. */
  readonly watchers: Set<() => void>;
}

export class PeerMesh {
  readonly incarnation: Incarnation;
  /** Barriers that a peer which was alive did not answer in time. */
  barrierTimeouts = 0;
  readonly #options: PeerMeshOptions;
  readonly #peers = new Map<Incarnation, Peer>();
  readonly #down = new Set<Incarnation>();
  #membership: Membership | undefined;
  #links: PeerLinks | undefined;
  #observer: MeshObserver | undefined;
  #unfollow: (() => void) | undefined;
  #joinedAtMs = 0;
  #closed = false;

  constructor(options: PeerMeshOptions) {
    this.#options = options;
    this.incarnation = options.incarnation;
  }

  /** Begins to link up with everybody who is alive. The observer hears of those at once. */
  join(membership: Membership, links: PeerLinks, observer: MeshObserver): void {
    this.#joinedAtMs = this.#options.clock.nowMs();
    this.#membership = membership;
    this.#links = links;
    this.#observer = observer;
    this.#unfollow = membership.follow((event) => {
      this.#heard(event);
    });
    for (const member of membership.members()) this.#up(member);
  }

  get isJoined(): boolean {
    return this.#membership !== undefined;
  }

  /** This broker may act; others have not begun to act for it. */
  get holdsPlace(): boolean {
    return this.#membership?.holdsPlace ?? true;
  }

  links(): PeerLink[] {
    return Array.from(this.#peers.values(), ({ link }) => link);
  }

  link(incarnation: Incarnation): PeerLink | undefined {
    return this.#peers.get(incarnation)?.link;
  }

  /** For people: whether a peer that is alive can be reached; undefined: it is not known here. */
  reach(incarnation: Incarnation): Reach | undefined {
    if (this.#isEarlierRun(incarnation)) return { isUp: false, unreachableSinceMs: this.#joinedAtMs };
    const peer = this.#peers.get(incarnation);
    return peer && { isUp: peer.link.isUp, unreachableSinceMs: peer.unreachableSinceMs };
  }

  /** The incarnation is known to have ended. One that was never heard of is not. */
  isDown(incarnation: Incarnation): boolean {
    return this.#down.has(incarnation);
  }

  /** Asks the membership who is alive now: of the incarnations given, those that are not count as down from now on. */
  async findDead(incarnations: Iterable<Incarnation>): Promise<void> {
    if (this.#membership === undefined) return;
    const suspects = [...incarnations];
    const alive = new Set((await this.#membership.refresh()).map(({ incarnation }) => incarnation));
    for (const suspect of suspects) {
      if (suspect !== this.incarnation && !alive.has(suspect)) this.#rememberDown(suspect);
    }
  }

  /** Resolves when this peer is known here, if it is alive: it may have found us before we heard of it. Nobody is after `close`. */
  async meet(incarnation: Incarnation): Promise<PeerLink | undefined> {
    if (!this.#peers.has(incarnation) && !this.#closed) await this.#membership?.refresh();
    return this.#peers.get(incarnation)?.link;
  }

  /** Of those alive, whether it is this one that sees to what concerns the key and has nobody else to see to it. */
  isResponsibleFor(key: string): boolean {
    return rendezvous(key, [this.incarnation, ...this.#peers.keys()]) === this.incarnation;
  }

  /** Resolves with the outcome, or undefined after `barrierTimeoutMs`. */
  ask(link: PeerLink, frame: PeerFrame): Promise<FrameOutcome | undefined> {
    return this.inTime(link, frame.type, (done) => {
      link.send(frame, done);
      return () => undefined;
    });
  }

  /**
   * Resolves with what `begin` calls back with, or with undefined after `barrierTimeoutMs`: then it is counted, and what `begin` returned is
   * called, so that nothing is kept for somebody who has gone on.
   */
  inTime<T>(
    { peer }: PeerLink,
    what: PeerFrame['type'],
    begin: (done: (value: T) => void) => () => void,
  ): Promise<T | undefined> {
    const { timers, log, barrierTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      let forget = (): void => undefined;
      const timer = timers.after(barrierTimeoutMs, () => {
        this.barrierTimeouts++;
        forget();
        log.warn(
          { peer: peer.incarnation, what, barrierTimeoutMs },
          'peer did not answer in time, not waited for',
        );
        resolve(undefined);
      });
      forget = begin((value) => {
        timer.cancel();
        resolve(value);
      });
    });
  }

  /**
   * As `ask`, of a peer that has most likely died when its link is down: it is waited for `unlinkedMsMax` then, and sent nothing. Resolves
   * with undefined when that has passed.
   */
  askWhileLinked(link: PeerLink, frame: PeerFrame, unlinkedMsMax: number): Promise<FrameOutcome | undefined> {
    const { timers } = this.#options;
    const watchers = this.#peers.get(link.peer.incarnation)?.watchers ?? new Set();
    return new Promise((resolve) => {
      let isAsked = false;
      let timer: TimerHandle | undefined;
      const end = (outcome: FrameOutcome | undefined): void => {
        timer?.cancel();
        watchers.delete(look);
        resolve(outcome);
      };
      const look = (): void => {
        if (!link.isUp) {
          timer ??= timers.after(unlinkedMsMax, () => {
            end(undefined);
          });
          return;
        }
        timer?.cancel();
        timer = undefined;
        if (isAsked) return;
        isAsked = true;
        void this.ask(link, frame).then(end);
      };
      watchers.add(look);
      look();
    });
  }

  close(): void {
    this.#closed = true;
    this.#unfollow?.();
    for (const { link, timer } of this.#peers.values()) {
      timer?.cancel();
      link.close();
    }
    this.#peers.clear();
  }

  #heard({ type, member }: MemberEvent): void {
    switch (type) {
      case 'MemberUp':
        this.#up(member);
        return;
      case 'MemberChanged': {
        const peer = this.#peers.get(member.incarnation);
        if (peer !== undefined) peer.member = member;
        return;
      }
      case 'MemberDown':
        this.#downFor(member);
    }
  }

  #up(member: Member): void {
    const { incarnation } = member;
    if (incarnation === this.incarnation || this.#peers.has(incarnation) || this.#links === undefined) return;
    if (this.#isEarlierRun(incarnation)) {
      this.#rememberDown(incarnation);
      return;
    }
    this.#options.log.info(
      { event: 'MemberUp', peer: incarnation, address: member.peerAddress },
      'a broker joined',
    );
    const link = this.#links.connect(member, {
      onState: (changed) => {
        this.#linkChanged(incarnation, changed);
      },
    });
    const peer: Peer = { member, link, unreachableSinceMs: undefined, timer: undefined, watchers: new Set() };
    this.#peers.set(incarnation, peer);
    this.#watch(peer);
    this.#observer?.peerUp(link);
  }

  /** A run of this broker before this one: it is over, though its place is kept for a while. Nobody would answer there. */
  #isEarlierRun(incarnation: Incarnation): boolean {
    const isOwn = brokerIdOf(incarnation) === brokerIdOf(this.incarnation);
    return isOwn && startNumberOf(incarnation) < startNumberOf(this.incarnation);
  }

  #downFor(member: Member): void {
    const { incarnation } = member;
    if (incarnation === this.incarnation) return;
    this.#rememberDown(incarnation);
    const peer = this.#peers.get(incarnation);
    if (peer === undefined) return;
    this.#options.log.warn({ event: 'MemberDown', peer: incarnation }, 'a broker is down');
    this.#peers.delete(incarnation);
    peer.timer?.cancel();
    peer.link.close();
    this.#links?.forget(incarnation);
    this.#observer?.peerDown(member);
  }

  #linkChanged(incarnation: Incarnation, link: PeerLink): void {
    const peer = this.#peers.get(incarnation);
    if (peer === undefined) return;
    if (link.isUp) {
      peer.timer?.cancel();
      peer.timer = undefined;
      if (peer.unreachableSinceMs !== undefined)
        this.#options.log.info({ peer: incarnation }, 'a broker can be reached again');
      peer.unreachableSinceMs = undefined;
    } else this.#watch(peer);
    for (const look of [...peer.watchers]) look();
    this.#observer?.linkChanged(link);
  }

  #watch(peer: Peer): void {
    peer.timer ??= this.#options.timers.after(UNREACHABLE_AFTER_MS, () => {
      peer.timer = undefined;
      if (peer.link.isUp) return;
      peer.unreachableSinceMs = this.#options.clock.nowMs();
      this.#options.log.warn(
        { event: 'MemberUnreachable', peer: peer.member.incarnation, address: peer.member.peerAddress },
        'a broker is alive and cannot be reached: what goes to its clients waits',
      );
    });
  }

  #rememberDown(incarnation: Incarnation): void {
    this.#down.add(incarnation);
    if (this.#down.size <= DOWN_REMEMBERED) return;
    const [oldest] = this.#down;
    if (oldest !== undefined) this.#down.delete(oldest);
  }
}
