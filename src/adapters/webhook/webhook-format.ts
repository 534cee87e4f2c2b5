/**
 * What a webhook is asked and what it may answer, in JSON. An answer that is not exactly understood is none: a rule that cannot be read may be
 * the one that denies.
 */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { Credentials } from '../../auth/authenticator.ts';
import { parseTopicRule, type TopicRule } from '../../auth/topic-rule.ts';
import type { WebhookAnswer } from '../../auth/webhook-authenticator.ts';

const FORMAT_VERSION = 1;
const RULES_MAX = 100;
const RULE_CHARACTERS_MAX = 1_024;

/** The body of a question. */
export function questionText(credentials: Credentials): string {
  const { tenant, clientName, clientId, password, certificateName, address, level } = credentials;
  return JSON.stringify({
    version: FORMAT_VERSION,
    tenant,
    clientName,
    clientId,
    ...passwordFields(password),
    certificateName: certificateName ?? null,
    address,
    protocolLevel: level,
  });
}

/** A password is any bytes; most are text. */
function passwordFields(password: Buffer | undefined): object {
  if (password === undefined) return { password: null };
  return isUtf8(password)
    ? { password: password.toString('utf8') }
    : { password: null, passwordBase64: password.toString('base64') };
}

const rules = z
  .array(z.string().max(RULE_CHARACTERS_MAX))
  .max(RULES_MAX)
  .transform((texts, context): readonly TopicRule[] =>
    texts.flatMap((text, index) => {
      const rule = parseTopicRule(text);
      if (!('problem' in rule)) return [rule];
      context.addIssue({ code: 'custom', path: [index], message: `rule ${index + 1} ${rule.problem}` });
      return [];
    }),
  );

const answer = z.discriminatedUnion('result', [
  z.strictObject({ result: z.literal('allow'), rules: rules.optional() }),
  z.strictObject({ result: z.literal('deny') }),
  z.strictObject({ result: z.literal('ignore') }),
]);

/** Throws an `Error` that says what is wrong and repeats nothing of what may be secret. */
export function parseAnswer(text: string): WebhookAnswer {
  const parsed = answer.safeParse(parseJson(text));
  if (!parsed.success) throw new Error(`its answer is not as it has to be: ${problemOf(parsed.error)}`);
  const { data } = parsed;
  return data.result === 'allow' ? { result: 'allow', rules: data.rules } : data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('its answer is no JSON');
  }
}

function problemOf({ issues: [first] }: z.ZodError): string {
  if (first === undefined) return 'it cannot be understood';
  return first.path.length === 0 ? first.message : `${first.path.join('.')}: ${first.message}`;
}
