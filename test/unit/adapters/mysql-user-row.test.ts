import { describe, expect, it } from 'vitest';
import { userOf } from '../../../src/adapters/mysql/user-row.ts';
import { formatTopicRule } from '../../../src/auth/topic-rule.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';

const user = { tenant: DEFAULT_TENANT, clientName: 'bike' };
const hash = `$scrypt$ln=10,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
const row = {
  tenant: 'default',
  name: 'bike',
  password: hash,
  certificate: 0,
  enabled: 1,
  rule_of: null,
  rule: null,
};

function read(...rows: readonly Record<string, unknown>[]) {
  const problems: string[] = [];
  const found = userOf(user, rows, (problem) => problems.push(problem));
  return { found, rules: found?.rules.map(formatTopicRule), problems };
}

describe('a user of rows', () => {
  it('has its own rules, and without such those of its tenant', () => {
    const own = { ...row, rule_of: 'bike', rule: 'allow all devices/%c/#' };
    const tenants = { ...row, rule_of: '', rule: 'allow subscribe public/#' };
    expect(read(tenants, own).rules).toEqual(['allow all devices/%c/#']);
    expect(read(tenants).rules).toEqual(['allow subscribe public/#']);
    expect(read(row).rules).toEqual([]);
    expect(read().found).toBeUndefined();
  });

  it('logs in with nothing when it is disabled, and is known all the same', () => {
    const { found, problems } = read({ ...row, enabled: 0, certificate: 1 });
    expect(found).toMatchObject({ passwordHash: undefined, certificate: false });
    expect(problems).toEqual([]);
  });

  it('may do nothing when one of its rules cannot be read: that may be the one that denies', () => {
    const rules = ['deny everything', 'allow all #'].map((rule) => ({ ...row, rule_of: 'bike', rule }));
    const { rules: left, problems } = read(...rules);
    expect(left).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('the rule "deny everything" is not of the form')]);
  });

  it('never repeats what may be a password in clear', () => {
    const { found, problems } = read({ ...row, password: 'hunter2' });
    expect(found?.passwordHash).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('hunter2');
  });
});
