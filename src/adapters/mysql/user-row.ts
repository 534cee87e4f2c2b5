/** Makes users of the rows of MySQL. What cannot be understood takes rights away and never gives any. */
import { parsePasswordHash } from '../../auth/password-hash.ts';
import { parseTopicRule, type TopicRule } from '../../auth/topic-rule.ts';
import type { User } from '../../auth/user-list.ts';
import type { TenantUser } from '../../tenancy/identity.ts';
import type { Row } from './mysql-pool.ts';

/** One row per rule of the user and of its tenant, in order; one without a rule where there is none. */
export const USER_COLUMNS =
  'u.tenant, u.name, u.password, u.certificate, u.enabled, r.name AS rule_of, r.rule FROM spoke_users u ' +
  "LEFT JOIN spoke_rules r ON r.tenant = u.tenant AND r.name IN (u.name, '')";
export const USER_ORDER = 'ORDER BY u.tenant, u.name, r.name, r.position';

/** `rows`: all of this user. `onProblem`: one line, without what may be secret. */
export function userOf(
  { tenant, clientName }: TenantUser,
  rows: readonly Row[],
  onProblem: (problem: string) => void,
): User | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const own = rows.filter((row) => row['rule_of'] === clientName);
  const texts = (own.length > 0 ? own : rows).flatMap((row) =>
    typeof row['rule'] === 'string' ? [row['rule']] : [],
  );
  const enabled = Number(first['enabled']) === 1;
  return {
    tenant,
    clientName,
    passwordHash: enabled ? passwordOf(first['password'], onProblem) : undefined,
    scram: undefined,
    certificate: enabled && Number(first['certificate']) === 1,
    rules: rulesOf(texts, onProblem),
  };
}

function passwordOf(text: unknown, onProblem: (problem: string) => void): User['passwordHash'] {
  if (typeof text !== 'string') return undefined;
  const hash = parsePasswordHash(text);
  if (hash === undefined)
    onProblem('its password is no PHC string of scrypt or Argon2id: nobody can log in with it');
  return hash;
}

/** One that cannot be read may be the one that denies: then there are none. */
function rulesOf(texts: readonly string[], onProblem: (problem: string) => void): readonly TopicRule[] {
  const rules: TopicRule[] = [];
  for (const text of texts) {
    const rule = parseTopicRule(text);
    if ('problem' in rule) {
      onProblem(`the rule "${text}" ${rule.problem}: it may do nothing`);
      return [];
    }
    rules.push(rule);
  }
  return rules;
}
