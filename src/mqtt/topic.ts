/**
 * Topic names and filters (MQTT 5.0, section 4.7) as strings: syntax, levels, shared subscriptions, and the
 * matching rule in its plainest form. The routing trie has to agree with `matchesFilter`; it is not fast.
 */

export interface SharedFilter {
  readonly group: string;
  readonly filter: string;
}

const SHARE_PREFIX = '$share/';

/** At least one character, no wildcard, no U+0000 [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-3.3.2-2]. */
export function isTopicName(topic: string): boolean {
  return topic !== '' && !hasWildcard(topic) && !topic.includes('\0');
}

export function hasWildcard(text: string): boolean {
  return text.includes('+') || text.includes('#');
}

/**
 * `#` only as the last level, `+` only as a whole level [MQTT-4.7.1-1], [MQTT-4.7.1-2]; a filter under `$share`
 * needs a group and a filter of its own [MQTT-4.8.2-1], [MQTT-4.8.2-2].
 */
export function isTopicFilter(filter: string): boolean {
  if (!isShareSyntax(filter)) return isPlainFilter(filter);
  const share = parseShare(filter);
  return share !== undefined && isPlainFilter(share.filter);
}

/**
 * `$share/g/a/b` → `{ group: 'g', filter: 'a/b' }`. undefined: not a shared subscription, or one whose group is
 * empty, holds a wildcard, or is followed by no filter. The filter is not checked; see `isTopicFilter`.
 */
export function parseShare(filter: string): SharedFilter | undefined {
  if (!filter.startsWith(SHARE_PREFIX)) return undefined;
  const slash = filter.indexOf('/', SHARE_PREFIX.length);
  if (slash < 0 || slash === filter.length - 1) return undefined;
  const group = filter.slice(SHARE_PREFIX.length, slash);
  if (group === '' || hasWildcard(group)) return undefined;
  return { group, filter: filter.slice(slash + 1) };
}

/** `/a` has two levels, the first of them empty. */
export function splitLevels(topic: string): string[] {
  return topic.split('/');
}

export function levelCount(topic: string): number {
  let levels = 1;
  for (let slash = topic.indexOf('/'); slash >= 0; slash = topic.indexOf('/', slash + 1)) levels++;
  return levels;
}

/**
 * Whether a topic name matches a filter without `$share`. `a/#` matches `a` too; a wildcard in the first level
 * matches no topic that begins with `$` [MQTT-4.7.2-1].
 */
export function matchesFilter(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  const wanted = splitLevels(filter);
  const levels = splitLevels(topic);
  for (const [depth, want] of wanted.entries()) {
    if (want === '#') return true;
    if (depth >= levels.length) return false;
    if (want !== '+' && want !== levels[depth]) return false;
  }
  return wanted.length === levels.length;
}

function isShareSyntax(filter: string): boolean {
  return filter === '$share' || filter.startsWith(SHARE_PREFIX);
}

function isPlainFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0')) return false;
  if (!hasWildcard(filter)) return true;
  const levels = splitLevels(filter);
  return levels.every((level, depth) => {
    if (level === '#') return depth === levels.length - 1;
    return level === '+' || !hasWildcard(level);
  });
}
