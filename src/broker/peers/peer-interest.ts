/** Filters of other brokers' transient sessions in the routes of one tenant: guests among its subscribers, which stand for the brokers. */
import type { InterestFrame } from '../../cluster/peer-frame.ts';
import type { Counters } from '../../metrics/counters.ts';
import type { Router } from '../../routing/router.ts';
import type { SubscriberDirectory } from '../../routing/subscriber-directory.ts';
import { Subscriber, type Outlet, type RoutePlace } from '../../routing/subscriber.ts';
import type { ClientId, Incarnation, SessionId } from '../../tenancy/identity.ts';
import type { RemoteGroup } from './peer-outbox.ts';

export interface PeerInterestOptions {
  readonly router: Router;
  readonly subscribers: SubscriberDirectory;
  readonly counters: Counters;
  readonly outletTo: (peer: Incarnation, group: RemoteGroup | undefined) => Outlet;
}

/** Messages go as they came: each session over there has its own quality of service and flags. */
const AS_PUBLISHED = { qos: 2, noLocal: false, retainAsPublished: true, subscriptionId: undefined } as const;

interface PeerGuests {
  /** For all filters that are not shared. */
  readonly all: Subscriber;
  readonly filters: Set<string>;
  /** A guest for each shared group on a filter, by both. */
  readonly groups: Map<string, { readonly guest: Subscriber; readonly place: RoutePlace }>;
}

export class PeerInterest {
  readonly #options: PeerInterestOptions;
  readonly #peers = new Map<Incarnation, PeerGuests>();
  #size = 0;

  constructor(options: PeerInterestOptions) {
    this.#options = options;
  }

  /** Routes that stand for other brokers. */
  get size(): number {
    return this.#size;
  }

  apply(from: Incarnation, { added, removed }: Pick<InterestFrame, 'added' | 'removed'>): void {
    const guests = this.#guestsOf(from);
    for (const place of added) this.#add(from, guests, place);
    for (const place of removed) this.#remove(guests, place);
  }

  /** The broker is down. */
  forget(peer: Incarnation): void {
    const guests = this.#peers.get(peer);
    if (guests === undefined) return;
    this.#peers.delete(peer);
    for (const filter of guests.filters) this.#remove(guests, { filter, group: undefined });
    for (const { place } of [...guests.groups.values()]) this.#remove(guests, place);
    this.#options.subscribers.dismiss(guests.all);
  }

  #add(from: Incarnation, guests: PeerGuests, place: RoutePlace): void {
    const { trie } = this.#options.router;
    const { filter, group } = place;
    if (group === undefined) {
      if (guests.filters.has(filter)) return;
      guests.filters.add(filter);
      trie.add(guests.all.number, place, AS_PUBLISHED);
    } else {
      const key = `${group}/${filter}`;
      if (guests.groups.has(key)) return;
      const guest = this.#admit(from, { name: group, filter });
      guests.groups.set(key, { guest, place });
      trie.add(guest.number, place, AS_PUBLISHED);
    }
    this.#size++;
  }

  #remove(guests: PeerGuests, place: RoutePlace): void {
    const { router, subscribers } = this.#options;
    const { filter, group } = place;
    if (group === undefined) {
      if (!guests.filters.delete(filter)) return;
      router.trie.remove(guests.all.number, place);
    } else {
      const key = `${group}/${filter}`;
      const known = guests.groups.get(key);
      if (known === undefined) return;
      guests.groups.delete(key);
      router.trie.remove(known.guest.number, place);
      subscribers.dismiss(known.guest);
    }
    this.#size--;
  }

  #guestsOf(peer: Incarnation): PeerGuests {
    let guests = this.#peers.get(peer);
    if (guests === undefined) {
      guests = { all: this.#admit(peer, undefined), filters: new Set(), groups: new Map() };
      this.#peers.set(peer, guests);
    }
    return guests;
  }

  #admit(peer: Incarnation, group: RemoteGroup | undefined): Subscriber {
    const { subscribers, counters, outletTo } = this.#options;
    const guest = subscribers.admit(
      (number) => new Subscriber(counters, number, NOBODY, NO_SESSION, undefined),
    );
    guest.outlet = outletTo(peer, group);
    return guest;
  }
}

/** A guest is no client: no publisher has this identifier. */
const NOBODY = '' as ClientId;
const NO_SESSION = 0 as SessionId;
