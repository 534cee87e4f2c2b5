import { describe, expect, it } from 'vitest';
import {
  isTopicFilter,
  isTopicName,
  levelCount,
  matchesFilter,
  parseShare,
  splitLevels,
} from '../../../src/mqtt/topic.ts';

describe('topic names and filters', () => {
  it.each(['a', '/', 'a/b', 'a//b', '$SYS/x', ' ', 'vélo'])('%j is a topic name', (topic) => {
    expect(isTopicName(topic)).toBe(true);
  });

  it.each(['', '+', 'a/#', 'a+b', 'a\0'])('%j is not a topic name', (topic) => {
    expect(isTopicName(topic)).toBe(false);
  });

  it.each([
    'a',
    '#',
    '+',
    '/',
    'a/#',
    '+/a/+',
    '/+',
    '$SYS/#',
    '$share/g/a',
    '$share/g//',
    '$share/g/#',
    '$shared/x',
  ])('%j is a topic filter', (filter) => {
    expect(isTopicFilter(filter)).toBe(true);
  });

  it.each([
    '',
    'a#',
    '#/a',
    'a/#/b',
    'a+',
    '+a/b',
    'a\0',
    '$share',
    '$share/',
    '$share/g',
    '$share/g/',
    '$share//a',
    '$share/+/a',
    '$share/g/a#',
  ])('%j is not a topic filter', (filter) => {
    expect(isTopicFilter(filter)).toBe(false);
  });

  it('takes shared subscriptions apart', () => {
    expect(parseShare('$share/g/a/+')).toEqual({ group: 'g', filter: 'a/+' });
    expect(parseShare('$share/g//a')).toEqual({ group: 'g', filter: '/a' });
    expect(parseShare('a/$share/g')).toBeUndefined();
    expect(parseShare('$share/g')).toBeUndefined();
    expect(parseShare('$share/#/a')).toBeUndefined();
  });

  it('counts levels as it splits them', () => {
    for (const topic of ['a', '/', 'a/b', '//', 'a//b/']) {
      expect(levelCount(topic)).toBe(splitLevels(topic).length);
    }
    expect(splitLevels('/a')).toEqual(['', 'a']);
  });
});

describe('matchesFilter', () => {
  it.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'],
    ['sport/#', 'sport'],
    ['#', 'a/b'],
    ['sport/tennis/+', 'sport/tennis/player1'],
    ['sport/+', 'sport/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['$SYS/#', '$SYS/a'],
    ['$SYS/+', '$SYS/a'],
    ['a', 'a'],
  ])('%s matches %s', (filter, topic) => {
    expect(matchesFilter(filter, topic)).toBe(true);
  });

  it.each([
    ['sport/tennis/+', 'sport/tennis/player1/ranking'],
    ['sport/+', 'sport'],
    ['+', '/finance'],
    ['#', '$SYS/a'],
    ['+/a', '$SYS/a'],
    ['a', 'A'],
    ['a', 'a/'],
    ['a/b', 'a'],
  ])('%s does not match %s', (filter, topic) => {
    expect(matchesFilter(filter, topic)).toBe(false);
  });
});
