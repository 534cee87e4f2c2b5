/**
 * How large frames between brokers are. Part of the protocol, and nothing that is configured: what one broker sends, every other one
 * takes, whatever its clients may send to it.
 */
const MIB = 1024 * 1024;

/** Around a message: names, an origin, and at least one of those that it is for, at their longest. */
export const FRAME_OVERHEAD_BYTES = 2 * MIB;
/** With its header. The largest packet of a client where brokers share a log, 64 MiB, and what is around it. */
export const FRAME_BYTES_MAX = 64 * MIB + FRAME_OVERHEAD_BYTES;
/** Of a list in one frame, about: a longer one goes in several. */
export const LIST_BYTES = 256 * 1024;

/**
 * Pieces of a list, in order, each within `bytesMax` or a single item; none of an empty list. `bytesOf`: of one item, never less than it
 * has on the wire.
 */
export function* cutByBytes<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  bytesMax = LIST_BYTES,
): Generator<readonly Item[], void, undefined> {
  let first = 0;
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    const itemBytes = bytesOf(item);
    if (index > first && bytes + itemBytes > bytesMax) {
      yield items.slice(first, index);
      first = index;
      bytes = 0;
    }
    bytes += itemBytes;
  }
  if (first < items.length) yield first === 0 ? items : items.slice(first);
}
