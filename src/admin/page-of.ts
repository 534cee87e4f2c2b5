/** Pages in key order over a collection that has none: bounded memory, one pass, stable cursors. */
import type { Page, PageRequest } from './admin-port.ts';

/**
 * The `limit` items with the smallest keys behind the cursor. A key is its item's cursor, so an item that was
 * there all the time is on exactly one page.
 */
export function pageOf<Item>(
  items: Iterable<Item>,
  keyOf: (item: Item) => string,
  request: PageRequest,
): Page<Item> {
  const after =
    request.cursor === undefined ? undefined : Buffer.from(request.cursor, 'base64url').toString();
  let kept: { readonly key: string; readonly item: Item }[] = [];
  const keep = (count: number): void => {
    kept.sort((a, b) => (a.key < b.key ? -1 : 1));
    kept = kept.slice(0, count);
  };
  for (const item of items) {
    const key = keyOf(item);
    if (after !== undefined && key <= after) continue;
    kept.push({ key, item });
    // One more than asked for tells whether there is another page.
    if (kept.length > 4 * request.limit + 4) keep(request.limit + 1);
  }
  keep(request.limit + 1);
  const page = kept.slice(0, request.limit);
  const last = kept.length > request.limit ? page.at(-1) : undefined;
  return {
    items: page.map(({ item }) => item),
    next: last === undefined ? undefined : Buffer.from(last.key).toString('base64url'),
  };
}
