/**
 * Membership of many brokers in one process, for tests and simulations: a hub they join, which can let one of them die or lose
 * its place. Depends on nothing but the time it is given; news take at least until the end of the turn.
 */
import type { Member } from '../../cluster/member.ts';
import { type MemberListener, MemberView, type NewMember } from '../../cluster/member-view.ts';
import type { Membership } from '../../cluster/membership.ts';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import type { Incarnation } from '../../tenancy/identity.ts';
import type { Clock, Timers } from '../../time/clock.ts';

export interface MembershipHubOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** How long a member that says nothing is taken to be alive. */
  readonly sessionTimeoutMs: number;
  /** How long it takes until others hear of something; default: until the end of the turn. */
  readonly newsMs?: number;
}

export class MembershipHub {
  readonly #options: MembershipHubOptions;
  readonly #members = new Map<Incarnation, MemoryMembership>();

  constructor(options: MembershipHubOptions) {
    this.#options = options;
  }

  /** Resolves when this broker is a member and has heard of the others. */
  async join(member: NewMember): Promise<Membership> {
    const self = { ...member, draining: false, joinedAtMs: this.#options.clock.nowMs() };
    const membership = new MemoryMembership(self, this);
    if (this.#members.has(self.incarnation)) throw new Error(`${self.incarnation} is a member already`);
    this.#members.set(self.incarnation, membership);
    this.changed();
    await membership.refresh();
    return membership;
  }

  /** Its process ended, or hears and says nothing any more: others are told when its session has expired, it is told nothing. */
  kill(incarnation: Incarnation): void {
    const membership = this.#members.get(incarnation);
    if (membership === undefined) return;
    membership.fallSilent();
    this.#options.timers.after(this.#options.sessionTimeoutMs, () => {
      this.remove(membership);
    });
  }

  /** It loses its place, and knows it before others are told. */
  expire(incarnation: Incarnation): void {
    const membership = this.#members.get(incarnation);
    if (membership === undefined) return;
    membership.lose('its session expired');
    this.remove(membership);
  }

  /** For memberships: they are gone from now on. */
  remove(membership: MemoryMembership): void {
    if (this.#members.get(membership.self.incarnation) !== membership) return;
    this.#members.delete(membership.self.incarnation);
    this.changed();
  }

  /** For memberships: something is new of one of them. */
  changed(): void {
    this.#soon(() => {
      const alive = this.alive();
      for (const membership of [...this.#members.values()]) membership.hear(alive);
    });
  }

  /** For memberships. */
  alive(): readonly Member[] {
    return Array.from(this.#members.values(), ({ self }) => self);
  }

  /** For memberships: at the end of the turn. */
  later(action: () => void): void {
    this.#options.timers.endOfTurn(action);
  }

  #soon(action: () => void): void {
    const { newsMs = 0, timers } = this.#options;
    if (newsMs === 0) timers.endOfTurn(action);
    else timers.after(newsMs, action);
  }
}

class MemoryMembership implements Membership {
  readonly #hub: MembershipHub;
  readonly #view: MemberView;
  readonly #lostListeners = new Set<(reason: string) => void>();
  #self: Member;
  #state: 'in' | 'silent' | 'lost' | 'left' = 'in';
  #lossReason = '';

  constructor(self: Member, hub: MembershipHub) {
    this.#self = self;
    this.#hub = hub;
    this.#view = new MemberView(self);
  }

  get self(): Member {
    return this.#self;
  }

  get holdsPlace(): boolean {
    return this.#state === 'in';
  }

  members(): readonly Member[] {
    return this.#view.members();
  }

  follow(listener: MemberListener): () => void {
    return this.#view.follow(listener);
  }

  refresh(): Promise<readonly Member[]> {
    return new Promise((resolve, reject) => {
      this.#hub.later(() => {
        if (this.#state === 'in') {
          this.hear(this.#hub.alive());
          resolve(this.members());
        } else {
          reject(new StoreUnavailableError('Membership', 'this broker is no member any more'));
        }
      });
    });
  }

  async drain(isDraining: boolean): Promise<void> {
    this.#self = { ...this.#self, draining: isDraining };
    this.#hub.changed();
    await this.refresh();
  }

  onLost(listener: (reason: string) => void): void {
    if (this.#state === 'lost') listener(this.#lossReason);
    else if (this.#state !== 'left') this.#lostListeners.add(listener);
  }

  leave(): Promise<void> {
    if (this.#state === 'in') {
      this.#end('left');
      this.#hub.remove(this);
    }
    this.#state = 'left';
    return Promise.resolve();
  }

  /** For the hub: these are alive. */
  hear(alive: readonly Member[]): void {
    if (this.#state === 'in') this.#view.become(alive);
  }

  /** For the hub. */
  fallSilent(): void {
    if (this.#state === 'in') this.#end('silent');
  }

  /** For the hub. */
  lose(reason: string): void {
    if (this.#state !== 'in') return;
    this.#end('lost');
    this.#lossReason = reason;
    for (const listener of this.#lostListeners) listener(reason);
  }

  #end(state: 'silent' | 'lost' | 'left'): void {
    this.#state = state;
    this.#view.end();
  }
}
