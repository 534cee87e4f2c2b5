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

  /**
   * Sends to every peer that is alive, and resolves when each has handled it or is down; undefined: there is nobody to tell.
   * After `barrierTimeoutMs` it resolves all the same, and is counted.
   */
  tellAll(frame: PeerFrame): Promise<void> | undefined {
    if (this.#peers.size === 0) return undefined;
    return Promise.all(Array.from(this.#peers.values(), ({ link }) => this.#told(link, frame))).then(
      () => undefined,
    );
  }

  /** Resolves with the outcome, or undefined after `withinMs`; default: `barrierTimeoutMs`. */
  ask(
    link: PeerLink,
    frame: PeerFrame,
    withinMs = this.#options.barrierTimeoutMs,
  ): Promise<FrameOutcome | undefined> {
    const { timers } = this.#options;
    return new Promise((resolve) => {
      const timer = timers.after(withinMs, () => {
        this.barrierTimeouts++;
        resolve(undefined);
      });
      link.send(frame, (outcome) => {
        timer.cancel();
        resolve(outcome);
      });
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

  async #told(link: PeerLink, frame: PeerFrame): Promise<void> {
    if ((await this.ask(link, frame)) !== undefined) return;
    const { log, barrierTimeoutMs } = this.#options;
    log.warn(
      { peer: link.peer.incarnation, frame: frame.type, barrierTimeoutMs },
      'peer did not answer in time, not waited for',
    );
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
    const peer: Peer = { member, link, unreachableSinceMs: undefined, timer: undefined };
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
