import { describe, expect, it } from 'vitest';
import {
  channelOf,
  channelPattern,
  mayBeSame,
  nameProblem,
  topicIn,
} from '../../../src/bridge/channel-name.ts';

describe('a channel with a topic in its name', () => {
  it('is made of the topic, and the topic of it', () => {
    expect(channelOf('a:{topic}:b', 'bikes/7')).toBe('a:bikes/7:b');
    expect(topicIn('a:{topic}:b', 'a:bikes/7:b')).toBe('bikes/7');
    expect(channelOf('fixed', 'bikes/7')).toBe('fixed');
    // As it is, whatever the topic looks like.
    expect(channelOf('{topic}', '$&{topic}')).toBe('$&{topic}');
  });

  it.each(['a::b', 'a:b', 'x:bikes/7:b', 'a:bikes/7'])('is not %s', (channel) => {
    expect(topicIn('a:{topic}:b', channel)).toBeUndefined();
  });

  it('is found by a pattern in which only the topic is any', () => {
    expect(channelPattern('a*[b]?\\:{topic}')).toBe('a\\*\\[b\\]\\?\\\\:*');
    expect(channelPattern('fixed')).toBe('fixed');
  });
});

describe('a name', () => {
  it.each([
    ['plain', true, undefined],
    ['a:{topic}', true, undefined],
    ['a:{topic}', false, 'has {topic}: a stream for each topic would be any number of them'],
    ['{topic}{topic}', true, 'has {topic} twice'],
    ['{client}', true, 'has {client}, which is no place-holder'],
    ['a{', false, 'has {, which is no place-holder'],
  ])('%s (of a channel: %s): %s', (name, mayHoldTopic, problem) => {
    expect(nameProblem(name, mayHoldTopic)).toBe(problem);
  });
});

describe('two names', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a:{topic}', 'a:x', true],
    ['a:x', 'a:{topic}', true],
    ['a:{topic}', 'b:x', false],
    ['a:{topic}', 'a:b:{topic}', true],
    ['a:{topic}', 'b:{topic}', false],
    ['{topic}:in', '{topic}:out', false],
    ['a:{topic}', '{topic}:b', true],
  ])('%s and %s may be the same channel: %s', (one, other, may) => {
    expect(mayBeSame(one, other)).toBe(may);
    expect(mayBeSame(other, one)).toBe(may);
  });
});
