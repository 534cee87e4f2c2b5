/**
 * How two topic filters relate as sets of topics: does one contain the other, do they share a topic. A topic name
 * is a filter that contains only itself. Filters come without `$share/{group}/`.
 */
import { splitLevels } from '../mqtt/topic.ts';

/** A filter cut into levels, so that a rule is cut once and used for every packet. */
export type FilterLevels = readonly string[];

export function filterLevels(filter: string): FilterLevels {
  // `#` alone and `+/#` are the same set, because every topic has a first level; the second form needs no
  // case of its own below.
  return filter === '#' ? ['+', '#'] : splitLevels(filter);
}

/** Whether every topic of `inner` is one of `outer`. */
export function covers(outer: FilterLevels, inner: FilterLevels): boolean {
  if (outer[0] === '+' && beginsWithDollar(inner)) return false;
  for (let depth = 0; ; depth++) {
    const wide = outer[depth];
    const narrow = inner[depth];
    if (wide === '#') return true;
    if (wide === undefined || narrow === undefined) return wide === narrow;
    if (narrow === '#') return false;
    if (wide !== '+' && wide !== narrow) return false;
  }
}

/** Whether some topic belongs to both. */
export function overlaps(one: FilterLevels, other: FilterLevels): boolean {
  // A wildcard in the first level matches no topic that begins with `$` [MQTT-4.7.2-1].
  if (one[0] === '+' && beginsWithDollar(other)) return false;
  if (other[0] === '+' && beginsWithDollar(one)) return false;
  for (let depth = 0; ; depth++) {
    const left = one[depth];
    const right = other[depth];
    if (left === '#' || right === '#') return true;
    if (left === undefined || right === undefined) return left === right;
    if (left !== '+' && right !== '+' && left !== right) return false;
  }
}

function beginsWithDollar(levels: FilterLevels): boolean {
  return levels[0]?.startsWith('$') === true;
}
