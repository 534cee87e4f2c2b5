/** The lanes of a store that takes every append in one go: one lane, one call under way at a time. */
import type { AppendLanes } from './durable-queue.ts';

export const SINGLE_LANE: AppendLanes = {
  count: 1,
  laneOf: () => 0,
  callsMax: 1,
  entriesMax: 8192,
  bytesMax: 8 * 1024 * 1024,
};
