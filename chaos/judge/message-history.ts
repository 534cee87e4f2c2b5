/** What happened to each message, for whoever has to find out why a promise was broken. The latest ones only. */
import type { Stream } from './stream.ts';

/** Times are those of `performance.now()`. */
export type MessageEvent =
  | { readonly atMs: number; readonly type: 'published' | 'acknowledged' | 'refused' }
  | {
      readonly atMs: number;
      readonly type: 'delivered';
      readonly client: string;
      /** The packet said DUP. */
      readonly isRepeat: boolean;
      readonly from: string;
    };

/** About a quarter of an hour at the usual rate. */
const MESSAGES_MAX = 150_000;

export class MessageHistory {
  /** Oldest message first. */
  readonly #events = new Map<string, MessageEvent[]>();

  note(stream: Stream, seq: number, event: MessageEvent): void {
    const key = keyOf(stream.topic, stream.qos, seq);
    const events = this.#events.get(key);
    if (events !== undefined) events.push(event);
    else {
      this.#events.set(key, [event]);
      this.#forgetOldest();
    }
  }

  /** In order; empty: nothing is known of it, or it is too long ago. */
  of(topic: string, qos: number, seq: number): readonly MessageEvent[] {
    return this.#events.get(keyOf(topic, qos, seq)) ?? [];
  }

  #forgetOldest(): void {
    if (this.#events.size <= MESSAGES_MAX) return;
    for (const oldest of this.#events.keys()) {
      this.#events.delete(oldest);
      return;
    }
  }
}

function keyOf(topic: string, qos: number, seq: number): string {
  return `${qos} ${seq} ${topic}`;
}
