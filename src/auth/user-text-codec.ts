/** A user as text, for a cache: hash and rules as they are written everywhere else. */
import { formatPasswordHash, parsePasswordHash } from './password-hash.ts';
import { formatTopicRule, parseTopicRule, type TopicRule } from './topic-rule.ts';
import type { User } from './user-list.ts';
import type { TenantUser } from '../tenancy/identity.ts';

/** SCRAM is for users of the file, which is in memory anyway. */
export function encodeUser(user: User | undefined): string {
  if (user === undefined) return 'null';
  const { passwordHash, certificate, rules } = user;
  const password = passwordHash === undefined ? null : formatPasswordHash(passwordHash);
  return JSON.stringify({ password, certificate, rules: rules.map(formatTopicRule) });
}

/** undefined: the text cannot be understood; then nothing is known. */
export function decodeUser(
  { tenant, clientName }: TenantUser,
  text: string,
): { readonly user: User | undefined } | undefined {
  const value = parsed(text);
  if (value === null) return { user: undefined };
  if (typeof value !== 'object') return undefined;
  const { password, certificate, rules: texts } = value as Record<string, unknown>;
  const passwordHash = typeof password === 'string' ? parsePasswordHash(password) : undefined;
  if (typeof password === 'string' && passwordHash === undefined) return undefined;
  if (typeof certificate !== 'boolean' || !Array.isArray(texts)) return undefined;
  const rules: TopicRule[] = [];
  for (const one of texts as readonly unknown[]) {
    const rule = typeof one === 'string' ? parseTopicRule(one) : undefined;
    if (rule === undefined || 'problem' in rule) return undefined;
    rules.push(rule);
  }
  return { user: { tenant, clientName, passwordHash, scram: undefined, certificate, rules } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
