import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, filterLevels, overlaps } from '../../../src/auth/filter-relation.ts';
import { matchesFilter } from '../../../src/mqtt/topic.ts';

const LEVELS = ['', 'a', 'b', '$x'];
const TOPIC_LEVELS_MAX = 4;

/** Every topic of up to four levels over a small alphabet: enough to tell filters of up to three levels apart. */
const TOPICS = allTopics();

function allTopics(): readonly string[] {
  const topics: string[] = [];
  let longest = LEVELS.map((level) => level);
  for (let length = 1; length <= TOPIC_LEVELS_MAX; length++) {
    topics.push(...longest);
    longest = longest.flatMap((topic) => LEVELS.map((level) => `${topic}/${level}`));
  }
  // The empty topic does not exist; `c` stands for every name that no filter spells out.
  return [...topics.filter((topic) => topic !== ''), ...topics.map((topic) => topic.replaceAll('b', 'c'))];
}

const filters = fc
  .tuple(fc.array(fc.constantFrom(...LEVELS, '+'), { minLength: 0, maxLength: 3 }), fc.boolean())
  .map(([levels, multi]) => [...levels, ...(multi ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '');

function topicsOf(filter: string): readonly string[] {
  return TOPICS.filter((topic) => matchesFilter(filter, topic));
}

describe('filters as sets of topics', () => {
  it('covers exactly when every topic of the one is a topic of the other', () => {
    fc.assert(
      fc.property(filters, filters, (outer, inner) => {
        const expected = topicsOf(inner).every((topic) => matchesFilter(outer, topic));
        expect(covers(filterLevels(outer), filterLevels(inner)), `${outer} covers ${inner}`).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('overlaps exactly when some topic belongs to both', () => {
    fc.assert(
      fc.property(filters, filters, (one, other) => {
        const expected = topicsOf(one).some((topic) => matchesFilter(other, topic));
        expect(overlaps(filterLevels(one), filterLevels(other)), `${one} overlaps ${other}`).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
