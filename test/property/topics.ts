/** Topic names and filters over few levels, so that they meet often: empty levels, `$` and wildcards included. */
import fc from 'fast-check';
import { isTopicFilter, isTopicName } from '../../src/mqtt/topic.ts';

const level = fc.constantFrom('a', 'b', 'c', '', '$SYS', 'é');

export const topicName = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter(isTopicName);

export const topicFilter = fc
  .array(fc.oneof({ weight: 2, arbitrary: level }, { weight: 1, arbitrary: fc.constantFrom('+', '#') }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((levels) => levels.join('/'))
  .filter(isTopicFilter);
