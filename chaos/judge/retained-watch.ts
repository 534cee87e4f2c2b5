/**
 * Retained messages: each topic has one publisher, who numbers them. What a broker shows must be no older than the last one that was
 * acknowledged before it was asked, and when nobody publishes, the last one.
 */
import type { Stream } from './stream.ts';
import type { Violation } from './violation.ts';

/** What one broker sends to a new subscriber, by topic. */
export type RetainedView = ReadonlyMap<string, number>;

export class RetainedWatch {
  readonly #streams: readonly Stream[];

  constructor(streams: readonly Stream[]) {
    this.#streams = streams;
  }

  /** By topic, the oldest message that a broker may show from now on; topics without an acknowledged one are left out. */
  floor(): RetainedView {
    return new Map(
      this.#streams
        .filter(({ newestAcknowledged }) => newestAcknowledged > 0)
        .map(({ topic, newestAcknowledged }) => [topic, newestAcknowledged]),
    );
  }

  /** What is wrong with what `broker` shows. */
  compare(broker: string, floor: RetainedView, view: RetainedView, nowMs: number): readonly Violation[] {
    return this.#streams.flatMap(({ topic, qos, publisher, published }) => {
      const oldest = floor.get(topic) ?? 0;
      const shown = view.get(topic) ?? 0;
      if (shown >= oldest && shown <= published) return [];
      const about = { topic, qos, publisher, receiver: broker, seq: oldest };
      return [
        {
          kind: 'retainedStale' as const,
          atMs: nowMs,
          ...about,
          detail: shown === 0 ? 'nothing is shown' : `number ${shown} is shown`,
        },
      ];
    });
  }
}
