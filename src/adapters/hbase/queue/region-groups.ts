/**
 * One call per region for requests that name many queues: mostly all of a lane lie in one region, but regions split.
 */
import { containsRow } from '../client/region-location.ts';
import type { QueueEndpoint } from './queue-endpoint.ts';
import { isInvalidRequest } from './queue-store-error.ts';

/** Splits seen by one request before it counts as wrong. */
const REGROUPINGS_MAX = 4;

/**
 * Calls once per region with the items it holds, in their order, and returns the answers in the order of `items`. The calls run side
 * by side; rejects when one of them fails. `call` answers one value per item.
 */
export async function callPerRegion<Item extends { readonly row: Buffer }, Answer>(
  endpoint: QueueEndpoint,
  items: readonly Item[],
  call: (row: Buffer, items: readonly Item[]) => Promise<readonly Answer[]>,
  regroupingsLeft = REGROUPINGS_MAX,
): Promise<readonly Answer[]> {
  const groups = await groupByRegion(endpoint, items);
  const [only] = groups;
  const answers = await Promise.all(
    groups.map(async (group) => {
      const first = group[0];
      if (first === undefined) return [];
      try {
        return await call(first.row, group);
      } catch (error) {
        // The region has split since it was located, and one half was asked for queues of both. The client knows by now.
        if (!isInvalidRequest(error) || group.length === 1 || regroupingsLeft === 0) throw error;
        return callPerRegion(endpoint, group, call, regroupingsLeft - 1);
      }
    }),
  );
  if (groups.length === 1 && only !== undefined) return answers[0] ?? [];
  const byItem = new Map<Item, Answer>();
  for (const [index, group] of groups.entries()) {
    for (const [position, item] of group.entries()) {
      const answer = answers[index]?.[position];
      if (answer !== undefined) byItem.set(item, answer);
    }
  }
  return items.flatMap((item) => {
    const answer = byItem.get(item);
    return answer === undefined ? [] : [answer];
  });
}

async function groupByRegion<Item extends { readonly row: Buffer }>(
  endpoint: QueueEndpoint,
  items: readonly Item[],
): Promise<readonly (readonly Item[])[]> {
  const groups: (readonly Item[])[] = [];
  for (let left = items; ;) {
    const first = left[0];
    if (first === undefined) return groups;
    const region = await endpoint.locate(first.row);
    const inside = left.filter(({ row }) => containsRow(region, row));
    groups.push(inside);
    if (inside.length === left.length) return groups;
    left = left.filter(({ row }) => !containsRow(region, row));
  }
}
