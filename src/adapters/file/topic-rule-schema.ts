/** Topic rules as YAML has them: text, understood or refused with what is wrong. */
import { z } from 'zod';
import { parseTopicRule } from '../../auth/topic-rule.ts';

export const topicRule = z.string().transform((text, context) => {
  const parsed = parseTopicRule(text);
  if (!('problem' in parsed)) return parsed;
  context.addIssue({
    code: 'custom',
    message: `"${text}" ${parsed.problem}`,
    params: { fix: 'Write for example "allow all devices/%c/#"' },
  });
  return z.NEVER;
});
