/**
 * Membership by ephemeral nodes in ZooKeeper: `/spokemq/NAMESPACE/members/INCARNATION`. The place is held by a lease that this process computes
 * by itself from what ZooKeeper has confirmed, and that ends before ZooKeeper can have told anybody that the node is gone;
 * unless somebody removes the node by hand, which is noticed after the fact.
 */
import type { Endpoint, Member } from '../../cluster/member.ts';
import { type MemberListener, MemberView, type NewMember } from '../../cluster/member-view.ts';
import type { Membership } from '../../cluster/membership.ts';
import { PlaceLease } from '../../cluster/place-lease.ts';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import type { Clock, TimerHandle, Timers } from '../../time/clock.ts';
import { decodeMember, encodeMember, incarnationOf, newMember, nodeName } from './member-node.ts';
import { confirmNode, createNode, listChildren, readNode, type Request, writeNode } from './requests.ts';
import { ZooKeeperError } from './zookeeper-error.ts';
import { type Answered, ZooKeeperSession } from './zookeeper-session.ts';

/** Of the time ZooKeeper keeps the session: how often the place is confirmed. */
const CONFIRM_SHARE = 1 / 6;
/**
 * Of the time ZooKeeper keeps the session: how long a confirmation counts from the moment it was asked for. The leader of several servers
 * hears of a session through the server it is connected to, every half tick: what it has confirmed last may be that much
 * newer than what it has heard last, or newer by a confirmation, whichever is more. A session takes two ticks at least, so
 * that is a quarter of it at most. The rest is for clocks that do not go the same.
 */
const LEASE_SHARE = 0.7;
/** For a first connection, and the place. */
const JOIN_MS_MAX = 10_000;

export interface ZooKeeperMembershipOptions {
  /** `host:port,host:port`. */
  readonly quorum: string;
  /** Brokers that share an event log share it. */
  readonly namespace: string;
  readonly self: NewMember;
  /** How long a member that says nothing is taken to be alive. ZooKeeper may grant another time. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Milliseconds that never go back, and pass while the process is stopped: of the machine, not of the process. */
  readonly monotonicMs: () => number;
  /** Something is odd, in words for people. */
  readonly onNotice: (text: string) => void;
}

/** Resolves when this broker is a member. Rejects with `StoreUnavailableError`. */
export async function openMembership(options: ZooKeeperMembershipOptions): Promise<Membership> {
  const { timers, monotonicMs, namespace } = options;
  let membership: ZooKeeperMembership | undefined;
  const session = new ZooKeeperSession({
    servers: serversOf(options.quorum),
    timeoutMs: options.sessionTimeoutMs,
    timers,
    monotonicMs,
    onConnected: () => membership?.onConnected(),
    onEvent: () => membership?.onEvent(),
    onExpired: () => membership?.onExpired(),
  });
  // Whatever waits for ZooKeeper is rejected by that.
  const deadline = timers.after(JOIN_MS_MAX, () => void session.close());
  try {
    const place = new Place(`/spokemq/${namespace}/members`, nodeName(options.self.incarnation));
    const self = newMember(options.self, options.clock.nowMs());
    const sentAtMs = await take(place, encodeMember(self), session);
    membership = new ZooKeeperMembership(options, session, place, self, sentAtMs);
    await membership.refresh();
    return membership;
  } catch (error) {
    await session.close();
    if (error instanceof StoreUnavailableError) throw error;
    throw unavailable(options.quorum, error);
  } finally {
    deadline.cancel();
  }
}

/** Where members are, and where this one is. */
class Place {
  readonly directory: string;
  readonly name: string;
  readonly path: string;

  constructor(directory: string, name: string) {
    this.directory = directory;
    this.name = name;
    this.path = `${directory}/${name}`;
  }

  /** From the root down. */
  get parents(): readonly string[] {
    const names = this.directory.split('/').slice(1);
    return names.map((_, at) => `/${names.slice(0, at + 1).join('/')}`);
  }
}

/** Resolves to when the request was sent with which the node was made or found to be there. */
async function take(place: Place, data: Buffer, session: ZooKeeperSession): Promise<number> {
  for (const parent of place.parents)
    await unlessThere(session.call(createNode(parent, Buffer.alloc(0), false)));
  const made = await unlessThere(session.call(createNode(place.path, data, true)));
  if (made !== undefined) return made.sentAtMs;
  // Made by this session, if the answer to it was lost with a connection.
  const { owner } = (await session.call(readNode(place.path))).answer;
  if (owner === session.id) return (await session.call(confirmNode(place.path))).sentAtMs;
  throw new ZooKeeperError(
    'NODE_EXISTS',
    `${place.path} is of another session: try again when that has expired`,
  );
}

async function unlessThere(making: Promise<Answered<void>>): Promise<Answered<void> | undefined> {
  return await making.catch((error: unknown) => {
    if (error instanceof ZooKeeperError && error.code === 'NODE_EXISTS') return undefined;
    throw error;
  });
}

interface Waiting {
  readonly resolve: (members: readonly Member[]) => void;
  readonly reject: (error: StoreUnavailableError) => void;
}

class ZooKeeperMembership implements Membership {
  readonly #options: ZooKeeperMembershipOptions;
  readonly #session: ZooKeeperSession;
  readonly #place: Place;
  readonly #view: MemberView;
  readonly #lease: PlaceLease;
  readonly #grantedMs: number;
  readonly #lostListeners = new Set<(reason: string) => void>();
  #self: Member;
  #state: 'in' | 'lost' | 'left' = 'in';
  #lossReason = '';
  #heartbeat: TimerHandle | undefined;
  #isConfirming = false;
  /** A reading is under way. */
  #isReading = false;
  /** Another one is needed, begun later than now. */
  #isOutdated = false;
  /** For the next reading. */
  #waiting: Waiting[] = [];

  /** `sentAtMs`: as `take` has it. */
  constructor(
    options: ZooKeeperMembershipOptions,
    session: ZooKeeperSession,
    place: Place,
    self: Member,
    sentAtMs: number,
  ) {
    this.#options = options;
    this.#session = session;
    this.#place = place;
    this.#self = self;
    this.#view = new MemberView(self);
    this.#grantedMs = session.timeoutMs;
    this.#lease = new PlaceLease({
      monotonicMs: options.monotonicMs,
      timers: options.timers,
      lengthMs: this.#grantedMs * LEASE_SHARE,
      sentAtMs,
      onEnd: () => {
        this.#lose('ZooKeeper did not confirm the place in time');
      },
    });
    this.#view.follow((event) => {
      if (event.type === 'MemberUp') this.#noticeNamesake(event.member);
    });
    this.#beat();
  }

  get self(): Member {
    return this.#self;
  }

  get holdsPlace(): boolean {
    return this.#lease.isHeld;
  }

  members(): readonly Member[] {
    return this.#view.members();
  }

  follow(listener: MemberListener): () => void {
    return this.#view.follow(listener);
  }

  refresh(): Promise<readonly Member[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#read();
    });
  }

  async drain(isDraining: boolean): Promise<void> {
    this.#self = { ...this.#self, draining: isDraining };
    try {
      await this.#write(writeNode(this.#place.path, encodeMember(this.#self)));
    } catch (error) {
      throw this.#unavailable(error);
    }
    await this.refresh();
  }

  onLost(listener: (reason: string) => void): void {
    if (this.#state === 'in') this.#lostListeners.add(listener);
    else if (this.#state === 'lost') listener(this.#lossReason);
  }

  async leave(): Promise<void> {
    if (this.#state === 'in') this.#end('left');
    this.#state = 'left';
    await this.#session.close();
  }

  onConnected(): void {
    // A server with narrower bounds than the one before: what the lease has been promised does not count there.
    if (this.#session.timeoutMs < this.#grantedMs)
      this.#lose('ZooKeeper grants a shorter session than before');
    else this.#read();
  }

  onEvent(): void {
    this.#read();
  }

  onExpired(): void {
    this.#lose('the session with ZooKeeper expired');
  }

  #beat(): void {
    this.#heartbeat = this.#options.timers.after(Math.floor(this.#grantedMs * CONFIRM_SHARE), () => {
      this.#beat();
      if (!this.#isConfirming) void this.#confirmInPassing();
    });
  }

  async #confirmInPassing(): Promise<void> {
    this.#isConfirming = true;
    try {
      await this.#write(confirmNode(this.#place.path));
    } catch {
      // Another server may agree to it; a place that is lost needs none.
      if (this.#state === 'in') this.#session.reconnect();
    } finally {
      this.#isConfirming = false;
    }
  }

  /** Whatever a majority has agreed to confirms the place: to reach it, the session must live. */
  async #write(request: Request<void>): Promise<void> {
    try {
      this.#lease.confirm((await this.#session.call(request)).sentAtMs);
    } catch (error) {
      if (error instanceof ZooKeeperError && error.code === 'NO_NODE') this.#lose(REMOVED);
      throw error;
    }
  }

  /** Reads again, once what is being read has been read. */
  #read(): void {
    this.#isOutdated = true;
    if (!this.#isReading) void this.#readWhileOutdated();
  }

  async #readWhileOutdated(): Promise<void> {
    this.#isReading = true;
    while (this.#isOutdated) {
      this.#isOutdated = false;
      const waiting = this.#waiting.splice(0);
      try {
        await this.#readOnce(waiting.length > 0);
        for (const { resolve } of waiting) resolve(this.members());
      } catch (error) {
        // A listener that fails is a broken invariant.
        if (!(error instanceof ZooKeeperError)) throw error;
        const reason = this.#unavailable(error);
        for (const { reject } of waiting) reject(reason);
        if (waiting.length === 0 && this.#state === 'in') this.#options.onNotice(reason.message);
      }
    }
    this.#isReading = false;
  }

  /** `isRecent`: sees what was there when it was called, however far behind the others the server is that is asked. */
  async #readOnce(isRecent: boolean): Promise<void> {
    if (isRecent) await this.#write(confirmNode(this.#place.path));
    const names = (await this.#session.call(listChildren(this.#place.directory))).answer;
    const found = await Promise.all(names.map((name) => this.#memberOf(name)));
    if (!names.includes(this.#place.name)) this.#lose(REMOVED);
    if (this.#state !== 'in') throw new ZooKeeperError('SESSION_ENDED', 'the place is lost');
    this.#view.become(found.flatMap((member) => member ?? []));
  }

  /** undefined: no member, or gone meanwhile. */
  async #memberOf(name: string): Promise<Member | undefined> {
    const { directory, name: own } = this.#place;
    if (name === own) return this.#self;
    const incarnation = incarnationOf(name);
    if (incarnation === undefined) return undefined;
    const path = `${directory}/${name}`;
    const read = await this.#session.call(readNode(path)).catch((error: unknown) => {
      if (error instanceof ZooKeeperError && error.code === 'NO_NODE') return undefined;
      throw error;
    });
    if (read === undefined) return undefined;
    const member = decodeMember(incarnation, read.answer.data);
    // It lives, so it must not be taken for dead: nothing is said of anybody as long as it is there.
    if (member === undefined)
      throw new ZooKeeperError('PROTOCOL', `${path} is not understood: is it of another release?`);
    return member;
  }

  #noticeNamesake({ brokerId, incarnation }: Member): void {
    if (brokerId !== this.#self.brokerId) return;
    this.#options.onNotice(
      `${incarnation} is a member too. Either it has died a moment ago, or two brokers have the broker.id "${brokerId}"`,
    );
  }

  #lose(reason: string): void {
    if (this.#state !== 'in') return;
    this.#end('lost');
    this.#lossReason = reason;
    void this.#session.close();
    for (const listener of this.#lostListeners) listener(reason);
  }

  #end(state: 'lost' | 'left'): void {
    // Before anything leaves that others could be told by.
    this.#lease.give();
    this.#state = state;
    this.#view.end();
    this.#heartbeat?.cancel();
  }

  #unavailable(error: unknown): StoreUnavailableError {
    return unavailable(this.#options.quorum, error);
  }
}

const REMOVED = 'somebody removed its node from ZooKeeper';

function unavailable(quorum: string, cause: unknown): StoreUnavailableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailableError(`ZooKeeper at ${quorum}`, reason, { cause });
}

function serversOf(quorum: string): readonly Endpoint[] {
  return quorum.split(',').map((server) => {
    const colon = server.lastIndexOf(':');
    return { host: server.slice(0, colon), port: Number(server.slice(colon + 1)) };
  });
}
