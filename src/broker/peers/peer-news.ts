/**
 * What one other broker has to know before somebody here is answered: filters of transient sessions, and how far it has to have applied
 * the logs. While it is away or behind this waits here, where the latest replaces what came before, and not in the link: however
 * long that lasts and whatever clients do meanwhile, it is no more than the filters there are, and one position for each partition.
 */
import { cutByBytes } from '../../cluster/frame-bounds.ts';
import type { AwaitAppliedFrame, AwaitRetainedFrame } from '../../cluster/peer-frame.ts';
import type { PeerLink } from '../../cluster/peer-links.ts';
import { placeBytesMax } from '../../cluster/wire/interest-codec.ts';
import type { LogPosition } from '../../event-log/event-log.ts';
import type { RoutePlace } from '../../routing/subscriber.ts';
import type { TenantId } from '../../tenancy/identity.ts';
import { AppliedQuestion, type Forget } from './applied-question.ts';
import { byTenant } from './by-tenant.ts';

/** The logs that a peer may have to have applied. */
export type AwaitedLog = 'session' | 'retained';
type AwaitFrame = AwaitAppliedFrame | AwaitRetainedFrame;

interface Change {
  readonly tenant: TenantId;
  readonly place: RoutePlace;
  readonly isAdded: boolean;
  /** The peer may route by it now: that it is not to has to be said. */
  readonly mayBeKnown: boolean;
  done: () => void;
}

export class PeerNews {
  readonly #link: PeerLink;
  /** There is something to send. */
  readonly #onNews: () => void;
  /** By tenant and place, not told yet. */
  readonly #changes = new Map<string, Change>();
  readonly #applied: Readonly<Record<AwaitedLog, AppliedQuestion>>;

  constructor(link: PeerLink, onNews: () => void) {
    this.#link = link;
    this.#onNews = onNews;
    const question = (type: AwaitFrame['type']): AppliedQuestion =>
      new AppliedQuestion((positions, done) => {
        link.send({ type, positions }, done);
      }, onNews);
    this.#applied = { session: question('awaitApplied'), retained: question('awaitRetained') };
  }

  /** Filters and positions that wait for the peer. */
  get size(): number {
    const { session, retained } = this.#applied;
    return this.#changes.size + session.size + retained.size;
  }

  /** A filter that nobody here had before, or that nobody has any more. `done`: the peer goes by it, or need not. */
  interest(tenant: TenantId, place: RoutePlace, isAdded: boolean, done: () => void): Forget {
    const key = `${tenant}/${place.group ?? ''}/${place.filter}`;
    const pending = this.#changes.get(key);
    const mayBeKnown = pending === undefined ? !isAdded : pending.mayBeKnown;
    pending?.done();
    if (isAdded || mayBeKnown) {
      const change: Change = { tenant, place, isAdded, mayBeKnown, done };
      this.#changes.set(key, change);
      this.#onNews();
      return () => {
        change.done = nobody;
      };
    }
    // It never heard of it.
    this.#changes.delete(key);
    done();
    return nobody;
  }

  /** `done`: the peer has applied that log that far, or is down. */
  applied(log: AwaitedLog, positions: readonly LogPosition[], done: () => void): Forget {
    return this.#applied[log].add(positions, done);
  }

  /** The peer can take more. */
  flush(): void {
    this.#tellChanges();
    for (const question of Object.values(this.#applied)) question.flush();
  }

  /** The peer is down: nobody waits for it. */
  close(): void {
    for (const { done } of this.#changes.values()) done();
    this.#changes.clear();
    for (const question of Object.values(this.#applied)) question.close();
  }

  #tellChanges(): void {
    if (this.#changes.size === 0) return;
    const sorted = byTenant(this.#changes.values());
    this.#changes.clear();
    for (const [tenant, changes] of sorted) {
      for (const piece of cutByBytes(changes, ({ place }) => placeBytesMax(place))) {
        const added = piece.filter(({ isAdded }) => isAdded).map(({ place }) => place);
        const removed = piece.filter(({ isAdded }) => !isAdded).map(({ place }) => place);
        this.#link.send({ type: 'interest', tenant, added, removed }, () => {
          for (const { done } of piece) done();
        });
      }
    }
  }
}

function nobody(): void {
  // Whoever asked has gone on.
}
