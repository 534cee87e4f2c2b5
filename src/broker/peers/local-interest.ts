/**
 * What the transient sessions of this broker have subscribed to, as its peers have to know it. Each filter is told once, however many
 * sessions have it, and whoever subscribes can wait until every peer routes by it.
 */
import { cutByBytes } from '../../cluster/frame-bounds.ts';
import type { PeerFrame } from '../../cluster/peer-frame.ts';
import { placeBytesMax } from '../../cluster/wire/interest-codec.ts';
import type { RoutePlace } from '../../routing/subscriber.ts';
import type { TenantId } from '../../tenancy/identity.ts';

export interface PeersToTell {
  /** Resolves when all of them route by it; undefined: there are none. */
  added(place: RoutePlace): Promise<void> | undefined;
  removed(place: RoutePlace): void;
}

interface Told {
  readonly place: RoutePlace;
  sessions: number;
  /** Until every peer has it. */
  telling: Promise<void> | undefined;
}

export class LocalInterest {
  readonly #tenant: TenantId;
  readonly #peers: PeersToTell;
  readonly #told = new Map<string, Told>();

  constructor(tenant: TenantId, peers: PeersToTell) {
    this.#tenant = tenant;
    this.#peers = peers;
  }

  /** Distinct filters, those of shared groups each for itself. */
  get size(): number {
    return this.#told.size;
  }

  /** One more session has it. Resolves when all peers route by it; undefined: they do already, or there are none. */
  add(place: RoutePlace): Promise<void> | undefined {
    const key = keyOf(place);
    const known = this.#told.get(key);
    if (known !== undefined) {
      known.sessions++;
      return known.telling;
    }
    const told: Told = { place, sessions: 1, telling: undefined };
    this.#told.set(key, told);
    const telling = this.#peers.added(place);
    told.telling = telling?.then(() => {
      told.telling = undefined;
    });
    return told.telling;
  }

  /** Of a place that a session has already: what `add` said, for whoever asks for it once more. */
  telling(place: RoutePlace): Promise<void> | undefined {
    return this.#told.get(keyOf(place))?.telling;
  }

  remove(place: RoutePlace): void {
    const key = keyOf(place);
    const known = this.#told.get(key);
    if (known === undefined || --known.sessions > 0) return;
    this.#told.delete(key);
    this.#peers.removed(place);
  }

  /** All of it, for a broker that knows nothing yet; at least one frame. */
  *frames(): Generator<PeerFrame, void, undefined> {
    const places = Array.from(this.#told.values(), ({ place }) => place);
    const pieces = places.length === 0 ? [[]] : cutByBytes(places, placeBytesMax);
    for (const added of pieces) yield { type: 'interest', tenant: this.#tenant, added, removed: [] };
  }
}

/** A group name has no slash [MQTT-4.8.2-1]. */
function keyOf({ filter, group }: RoutePlace): string {
  return group === undefined ? `/${filter}` : `${group}/${filter}`;
}
