/**
 * Names of channels that may hold a topic: `fleet:{topic}` is the channel `fleet:bikes/7/lock` for the topic `bikes/7/lock`, and the other
 * way round. Without `{topic}` a name is one channel.
 */

const TOPIC = '{topic}';

export function holdsTopic(name: string): boolean {
  return name.includes(TOPIC);
}

/** What is wrong with it, in words; undefined: nothing. */
export function nameProblem(name: string, mayHoldTopic: boolean): string | undefined {
  const rest = mayHoldTopic ? name.replace(TOPIC, '') : name;
  const [placeHolder] = /\{[^}]*\}?/.exec(rest) ?? [];
  if (placeHolder === undefined) return undefined;
  if (placeHolder !== TOPIC) return `has ${placeHolder}, which is no place-holder`;
  return mayHoldTopic
    ? 'has {topic} twice'
    : 'has {topic}: a stream for each topic would be any number of them';
}

export function channelOf(name: string, topic: string): string {
  const [before, after] = parts(name);
  return after === undefined ? name : before + topic + after;
}

/** The topic in a channel of that name; undefined: it is not one. */
export function topicIn(name: string, channel: string): string | undefined {
  const [before, after] = parts(name);
  if (after === undefined || channel.length <= before.length + after.length) return undefined;
  if (!channel.startsWith(before) || !channel.endsWith(after)) return undefined;
  return channel.slice(before.length, channel.length - after.length);
}

/** Redis' pattern of all its channels. */
export function channelPattern(name: string): string {
  const [before, after] = parts(name);
  const escaped = (text: string): string => text.replaceAll(/[*?[\]\\]/g, '\\$&');
  return after === undefined ? escaped(before) : `${escaped(before)}*${escaped(after)}`;
}

/** Whether some channel goes by both names. */
export function mayBeSame(one: string, other: string): boolean {
  const [before, after] = parts(one);
  const [otherBefore, otherAfter] = parts(other);
  if (after === undefined && otherAfter === undefined) return one === other;
  if (after === undefined) return topicIn(other, one) !== undefined;
  if (otherAfter === undefined) return topicIn(one, other) !== undefined;
  const begins = before.startsWith(otherBefore) || otherBefore.startsWith(before);
  const ends = after.endsWith(otherAfter) || otherAfter.endsWith(after);
  return begins && ends;
}

function parts(name: string): readonly [before: string, after?: string] {
  const at = name.indexOf(TOPIC);
  return at < 0 ? [name] : [name.slice(0, at), name.slice(at + TOPIC.length)];
}
