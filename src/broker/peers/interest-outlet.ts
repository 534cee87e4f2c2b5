/**
 * Stands in the routes for sessions of another broker that are in nobody else's: transient ones that a filter matches, or the transient
 * members of a shared group. A publisher that waits, waits until that broker has the message; if it dies they are gone with it.
 */
import type { QoS } from '../../mqtt/qos.ts';
import type { Message } from '../../queue/message.ts';
import type { Outlet, PublishOrigin, Waiting } from '../../routing/subscriber.ts';
import type { Incarnation, TenantId } from '../../tenancy/identity.ts';
import type { RemoteGroup } from './peer-outbox.ts';
import { isOfThisBrokerOnly, type FindOutbox } from './remote-outlet.ts';

export interface InterestOutletOptions {
  readonly peer: Incarnation;
  readonly tenant: TenantId;
  /** undefined: for every session that a filter matches. */
  readonly group: RemoteGroup | undefined;
  readonly find: FindOutbox;
  /** The peer went down before it had the message: another member of the group is to get it. */
  readonly onGone: (
    group: RemoteGroup,
    message: Message,
    waiting: Waiting,
    origin: PublishOrigin | undefined,
  ) => void;
}

export class InterestOutlet implements Outlet {
  readonly #options: InterestOutletOptions;

  constructor(options: InterestOutletOptions) {
    this.#options = options;
  }

  get hasCredit(): boolean {
    return this.#options.find(this.#options.peer)?.hasRoom === true;
  }

  /** QoS, flags and identifiers are worked out where the sessions are. */
  deliver(
    message: Message,
    _qos: QoS,
    _retain: boolean,
    _subscriptionIds: readonly number[] | undefined,
    waiting?: Waiting,
    origin?: PublishOrigin,
  ): void {
    const { peer, tenant, group, find, onGone } = this.#options;
    if (isOfThisBrokerOnly(message)) return;
    const again =
      group === undefined || waiting === undefined
        ? undefined
        : () => {
            onGone(group, message, waiting, origin);
          };
    // Down already: an event that takes these routes away is on its way.
    const outbox = find(peer);
    if (outbox === undefined) again?.();
    else outbox.forward(tenant, message, group, waiting, origin, again);
  }

  appended(): void {
    // Nothing here has a durable queue.
  }

  reached(): void {
    // As above.
  }
}
