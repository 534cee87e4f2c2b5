/**
 * Deals partitions of one topic out evenly, and leaves with each member as many as it may keep of what it has: whoever takes a partition
 * on has to scan its snapshot first.
 */

export interface Claim {
  readonly member: string;
  /** Partitions that it has now, whether or not they are there or somebody else says the same. */
  readonly held: readonly number[];
}

/** By member; every partition below `partitionCount` belongs to one, and nobody has two more than another. */
export function stickyShares(claims: readonly Claim[], partitionCount: number): Map<string, number[]> {
  const free = new Set(Array.from({ length: partitionCount }, (_, partition) => partition));
  const shares = new Map<string, number[]>(claims.map(({ member }) => [member, []]));
  const least = Math.floor(partitionCount / claims.length);
  let oneMore = partitionCount % claims.length;
  // Those that have most keep most. The names only make the result the same for whoever computes it.
  const order = claims.toSorted((a, b) => b.held.length - a.held.length || (a.member < b.member ? -1 : 1));
  for (const { member, held } of order) {
    const share = shares.get(member) ?? [];
    for (const partition of held) {
      if (share.length === least + (oneMore > 0 ? 1 : 0)) break;
      if (free.delete(partition)) share.push(partition);
    }
    if (share.length > least) oneMore--;
  }
  for (const { member } of order) {
    const share = shares.get(member) ?? [];
    for (const partition of free) {
      if (share.length >= least) break;
      free.delete(partition);
      share.push(partition);
    }
  }
  // What is left is less than one for each of those that have no more than the others.
  for (const { member } of order.toReversed()) {
    const share = shares.get(member) ?? [];
    const [partition] = free;
    if (partition === undefined) break;
    if (share.length > least) continue;
    free.delete(partition);
    share.push(partition);
  }
  return shares;
}
