/**
 * Walks over all regions of the queue table while regions move and split: the queues that hold something, and the sweep
 * of what has expired.
 */
import type { RegionLocation } from '../client/region-location.ts';
import type { QueueEndpoint } from './queue-endpoint.ts';
import type { BoundsMessage, QueueProtocol } from './queue-protocol.ts';

/** Queues per call. */
const LIST_QUEUES_MAX = 512;
/** How long one call may sweep, and how many of them one region gets per sweep. */
const SWEEP_BUDGET_MS = 200;
const SWEEP_CALLS_MAX = 50;
/** Regions swept at a time. */
const SWEEPS_AT_ONCE = 4;

export class RegionWalk {
  readonly #endpoint: QueueEndpoint;
  readonly #protocol: QueueProtocol;

  constructor(endpoint: QueueEndpoint, protocol: QueueProtocol) {
    this.#endpoint = endpoint;
    this.#protocol = protocol;
  }

  /** In key order. Queues are neither left out nor named twice when regions split meanwhile. */
  async *queues(): AsyncGenerator<readonly BoundsMessage[]> {
    let regionStart: Buffer = Buffer.alloc(0);
    let after: Buffer | undefined;
    let lastRow: Buffer = regionStart;
    for (;;) {
      const row = after ?? regionStart;
      const region = await this.#endpoint.locate(row);
      const part = await this.#endpoint.call(this.#protocol.list, row, {
        queuesMax: LIST_QUEUES_MAX,
        // A region begins with its first queue unless it was split off while this walk went through it.
        ...(after !== undefined && { after }),
      });
      // The region split under the call: nobody knows which half this was.
      if (!isSame(region, await this.#endpoint.locate(row))) continue;
      // Regions that were merged meanwhile begin again where one of them began.
      const bounds = part.bounds.filter(({ queue }) => Buffer.compare(queue, lastRow) > 0);
      lastRow = bounds.at(-1)?.queue ?? lastRow;
      if (bounds.length > 0) yield bounds;
      after = part.last;
      if (after !== undefined) continue;
      if (region.endKey.length === 0) return;
      regionStart = region.endKey;
    }
  }

  /** Messages removed. A region that fails does not keep the others from being swept; then it rejects with its error. */
  async sweep(nowMs: number): Promise<number> {
    let removed = 0;
    const failures: unknown[] = [];
    const regions = this.#endpoint.regions();
    const worker = async (): Promise<void> => {
      for (;;) {
        const next = await regions.next();
        if (next.done === true) return;
        try {
          // Two steps: the others count meanwhile.
          const fromRegion = await this.#sweepRegion(next.value.startKey, nowMs);
          removed += fromRegion;
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: SWEEPS_AT_ONCE }, worker));
    if (failures.length > 0) throw failures[0];
    return removed;
  }

  async #sweepRegion(row: Buffer, nowMs: number): Promise<number> {
    let removed = 0;
    for (let calls = 0; calls < SWEEP_CALLS_MAX; calls++) {
      const swept = await this.#endpoint.call(this.#protocol.sweep, row, {
        nowMs,
        budgetMs: SWEEP_BUDGET_MS,
      });
      removed += swept.removed;
      if (swept.done) break;
    }
    return removed;
  }
}

function isSame(one: RegionLocation, other: RegionLocation): boolean {
  return one.encodedName === other.encodedName;
}
