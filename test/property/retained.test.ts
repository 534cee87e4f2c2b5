/** Retained messages against a map and the plain matching rule, through arbitrary changes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesFilter } from '../../src/mqtt/topic.ts';
import { messageBytes } from '../../src/queue/message.ts';
import { RetainedTrie } from '../../src/retained/retained-trie.ts';
import { messageTo } from '../support/simulated-message.ts';
import { topicFilter, topicName } from './topics.ts';

const change = fc.record({
  topic: topicName,
  payload: fc.option(fc.string({ maxLength: 8 }), { nil: undefined }),
});

test('every filter finds what a scan over all retained messages finds', () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 60 }),
      fc.array(topicFilter, { minLength: 1, maxLength: 12 }),
      (changes, filters) => {
        const trie = new RetainedTrie();
        const model = new Map<string, ReturnType<typeof messageTo>>();
        for (const { topic, payload } of changes) {
          if (payload === undefined) {
            expect(trie.delete(topic)).toBe(model.delete(topic));
            continue;
          }
          const message = messageTo(topic, payload);
          trie.set(message);
          model.set(topic, message);
        }
        expect(trie.messages).toBe(model.size);
        expect(trie.bytes).toBe([...model.values()].reduce((sum, message) => sum + messageBytes(message), 0));
        expect(new Set(trie.all())).toEqual(new Set(model.values()));
        for (const topic of model.keys()) expect(trie.get(topic)).toBe(model.get(topic));
        for (const filter of filters) {
          const found = [...trie.match(filter)];
          const expected = [...model.values()].filter(({ topic }) => matchesFilter(filter, topic));
          expect(new Set(found)).toEqual(new Set(expected));
          expect(found).toHaveLength(expected.length);
        }
      },
    ),
    { numRuns: 150 },
  );
});
