/** The way to a session whose client is connected to another broker: that one is told, and is the only reader of its queue. */
import type { QoS } from '../../mqtt/qos.ts';
import type { Seq } from '../../queue/durable-queue.ts';
import type { Message, QueuedMessage } from '../../queue/message.ts';
import type { Outlet, PublishOrigin, Waiting } from '../../routing/subscriber.ts';
import type { Incarnation } from '../../tenancy/identity.ts';
import type { PeerOutbox, RemoteSession } from './peer-outbox.ts';

/** undefined: that broker is down, or has not been heard of yet. */
export type FindOutbox = (incarnation: Incarnation) => PeerOutbox | undefined;

export class RemoteOutlet implements Outlet {
  readonly owner: Incarnation;
  /** The peer has said otherwise when its client takes no more. */
  stalled = false;
  readonly #session: RemoteSession;
  readonly #find: FindOutbox;

  constructor(owner: Incarnation, session: RemoteSession, find: FindOutbox) {
    this.owner = owner;
    this.#session = session;
    this.#find = find;
  }

  get hasCredit(): boolean {
    return !this.stalled && this.#find(this.owner)?.hasRoom === true;
  }

  deliver(
    message: Message,
    qos: QoS,
    retain: boolean,
    subscriptionIds: readonly number[] | undefined,
    _waiting?: Waiting,
    origin?: PublishOrigin,
  ): void {
    if (isOfThisBrokerOnly(message)) return;
    this.#tell(message, { seq: 0, qos, retain, subscriptionIds }, origin);
  }

  appended(seq: Seq, { message, qos, retain, subscriptionIds }: QueuedMessage): void {
    this.#tell(message, { seq, qos, retain, subscriptionIds });
  }

  reached(seq: Seq): void {
    this.#find(this.owner)?.reached(this.#session, seq);
  }

  #tell(
    message: Message,
    how: {
      readonly seq: Seq | 0;
      readonly qos: QoS;
      readonly retain: boolean;
      readonly subscriptionIds: readonly number[] | undefined;
    },
    origin?: PublishOrigin,
  ): void {
    const { tenant, clientId, sessionId } = this.#session;
    this.#find(this.owner)?.deliver(tenant, message, { clientId, sessionId, ...how }, origin);
  }
}

/** `$SYS` says how this broker is; every other one has its own. */
export function isOfThisBrokerOnly(message: Message): boolean {
  return message.topic.startsWith('$SYS/');
}
