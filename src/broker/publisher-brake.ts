/**
 * Back-pressure from the store: above the high mark of bytes that are not yet durable, publishers are read no
 * further; below half of it they all go on. A slow disk is felt by publishers, never by memory.
 */
import type { ClientLink } from './client-link.ts';

export class PublisherBrake {
  readonly #stagedBytes: () => number;
  readonly #bytesHigh: number;
  readonly #stopped = new Set<ClientLink>();

  constructor(stagedBytes: () => number, bytesHigh: number) {
    this.#stagedBytes = stagedBytes;
    this.#bytesHigh = bytesHigh;
  }

  /** Connections that are not read. */
  get stopped(): number {
    return this.#stopped.size;
  }

  /** Call after a publish was staged. */
  check(link: ClientLink): void {
    if (this.#stagedBytes() < this.#bytesHigh || this.#stopped.has(link)) return;
    this.#stopped.add(link);
    link.pauseReading('store');
  }

  /** Call when staged bytes became fewer. */
  release(): void {
    if (this.#stopped.size === 0 || this.#stagedBytes() * 2 > this.#bytesHigh) return;
    const stopped = [...this.#stopped];
    this.#stopped.clear();
    for (const link of stopped) link.resumeReading('store');
  }

  /** The connection is gone. */
  forget(link: ClientLink): void {
    this.#stopped.delete(link);
  }
}
