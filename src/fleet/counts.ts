/** Totals that are made of counts. */

/** Each count of `one`, with the same of `other` on top. */
export function addedUp<Counts extends Readonly<Record<keyof Counts, number>>>(
  one: Counts,
  other: Counts,
): Counts {
  const sums = Object.keys(one).map((name) => {
    const key = name as keyof Counts;
    return [name, one[key] + other[key]];
  });
  return Object.fromEntries(sums) as Counts;
}
