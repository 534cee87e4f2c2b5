import { expect, test } from 'vitest';
import { RetainedTrie } from '../../../src/retained/retained-trie.ts';
import { messageTo } from '../../support/simulated-message.ts';

function filled(...topics: string[]): RetainedTrie {
  const trie = new RetainedTrie();
  for (const topic of topics) trie.set(messageTo(topic, 'x'));
  return trie;
}

const found = (trie: RetainedTrie, filter: string) =>
  Array.from(trie.match(filter), ({ topic }) => topic).sort();

test.each([
  ['a/b', ['a/b']],
  ['a/+', ['a/', 'a/b']],
  ['a/#', ['a', 'a/', 'a/b', 'a/b/c']],
  ['+', ['a']],
  ['#', ['/a', 'a', 'a/', 'a/b', 'a/b/c']],
  ['+/a', ['/a']],
  ['$SYS/#', ['$SYS/up']],
  ['+/up', []],
  ['a/b/c/d', []],
])('filter %s', (filter, topics) => {
  const trie = filled('a', 'a/', 'a/b', 'a/b/c', '/a', '$SYS/up');
  expect(found(trie, filter)).toEqual(topics);
});

test('a replaced message counts once, with its own size', () => {
  const trie = filled('a');
  trie.set(messageTo('a', 'longer'));
  expect(trie.messages).toBe(1);
  expect(trie.bytes).toBe(7);
  expect(trie.get('a')?.payload.toString()).toBe('longer');
});

test('a cleared topic leaves nothing behind, and its neighbours alone', () => {
  const trie = filled('a', 'a/b', 'a/b/c');
  expect(trie.delete('a/b')).toBe(true);
  expect(trie.delete('a/b')).toBe(false);
  expect(trie.delete('x/y')).toBe(false);
  expect(found(trie, '#')).toEqual(['a', 'a/b/c']);
  trie.delete('a/b/c');
  trie.delete('a');
  expect([trie.messages, trie.bytes]).toEqual([0, 0]);
});

test('matching is lazy: whoever stops after one has paid for one', () => {
  const trie = filled(...Array.from({ length: 1_000 }, (_, index) => `t/${index}`));
  const matches = trie.match('t/+');
  expect(matches.next().value?.topic).toBe('t/0');
  for (let index = 1; index < 1_000; index++) trie.delete(`t/${index}`);
  expect(matches.next().done).toBe(true);
});
