/**
 * Back-pressure from the store: above the high mark of bytes that are not yet durable, publishers are read no
 * further; below half of it they all go on. A slow disk is felt by publishers, never by memory. Where the store takes
 * appends in lanes, a lane that holds too much stops only those who publish into it.
 */
import type { ClientLink } from './client-link.ts';

/** A part of the store that publishers are stopped for, until it has room. */
export interface CrowdedPart {
  readonly isCrowded: boolean;
}

export class PublisherBrake {
  readonly #stagedBytes: () => number;
  readonly #bytesHigh: number;
  /** By what they wait for; a link waits for one part at a time. */
  readonly #stopped = new Map<CrowdedPart, Set<ClientLink>>();
  readonly #everything: CrowdedPart;

  constructor(stagedBytes: () => number, bytesHigh: number) {
    this.#stagedBytes = stagedBytes;
    this.#bytesHigh = bytesHigh;
    this.#everything = {
      get isCrowded() {
        return stagedBytes() * 2 > bytesHigh;
      },
    };
  }

  /** Connections that are not read. */
  get stopped(): number {
    let stopped = 0;
    for (const links of this.#stopped.values()) stopped += links.size;
    return stopped;
  }

  /** Call after a publish was staged; `crowded`: a part of the store that it has to wait for. */
  check(link: ClientLink, crowded?: CrowdedPart): void {
    if (this.#stagedBytes() >= this.#bytesHigh) this.#stop(link, this.#everything);
    else if (crowded !== undefined) this.#stop(link, crowded);
  }

  /** Call when staged bytes became fewer. */
  release(): void {
    for (const [part, links] of this.#stopped) {
      if (part.isCrowded) continue;
      this.#stopped.delete(part);
      for (const link of links) link.resumeReading('store');
    }
  }

  /** The connection is gone. */
  forget(link: ClientLink): void {
    for (const links of this.#stopped.values()) links.delete(link);
  }

  #stop(link: ClientLink, part: CrowdedPart): void {
    for (const links of this.#stopped.values()) if (links.has(link)) return;
    const links = this.#stopped.get(part);
    if (links === undefined) this.#stopped.set(part, new Set([link]));
    else links.add(link);
    link.pauseReading('store');
  }
}
