/** How much of what is retained each client has published. Costs an entry per client: kept only where it is limited. */
import type { ClientId } from '../tenancy/identity.ts';
import { messageBytes, type Message } from '../queue/message.ts';

export interface Share {
  readonly messages: number;
  readonly bytes: number;
}

const NOTHING: Share = { messages: 0, bytes: 0 };

export class PublisherShares {
  readonly #shares = new Map<ClientId, Share>();

  constructor(retained: Iterable<Message>) {
    for (const message of retained) this.replaced(undefined, message);
  }

  of(publisher: ClientId): Share {
    return this.#shares.get(publisher) ?? NOTHING;
  }

  /** A topic has `after` instead of `before` now. */
  replaced(before: Message | undefined, after: Message | undefined): void {
    if (before !== undefined) this.count(before.publisher, -1, -messageBytes(before));
    if (after !== undefined) this.count(after.publisher, 1, messageBytes(after));
  }

  /** So much more, or less, is the publisher's. What is the broker's own is nobody's. */
  count(publisher: Message['publisher'], messages: number, bytes: number): void {
    if (publisher === '') return;
    const share = this.of(publisher);
    const after = { messages: share.messages + messages, bytes: share.bytes + bytes };
    if (after.messages === 0 && after.bytes === 0) this.#shares.delete(publisher);
    else this.#shares.set(publisher, after);
  }
}
