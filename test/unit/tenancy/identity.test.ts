import { expect, test } from 'vitest';
import { DEFAULT_TENANT, incarnation, parseTenantId, parseUserName } from '../../../src/tenancy/identity.ts';

test.each([
  [undefined, 'default', ''],
  ['', 'default', ''],
  ['bike-1', 'default', 'bike-1'],
  ['acme/bike-1', 'acme', 'bike-1'],
  ['acme/', 'acme', ''],
  ['acme/a/b', 'acme', 'a/b'],
])('user name %s is tenant %s, client %s', (userName, tenant, clientName) => {
  expect(parseUserName(userName, DEFAULT_TENANT)).toEqual({ tenant, clientName });
});

test.each(['/bike', 'a b/bike', 'ä/bike', `${'x'.repeat(65)}/bike`, 'a\0b/bike'])(
  'user name %j names no tenant',
  (userName) => {
    expect(parseUserName(userName, DEFAULT_TENANT)).toBeUndefined();
  },
);

test('without a default tenant every user name has to name one', () => {
  for (const userName of [undefined, '', 'bike-1'])
    expect(parseUserName(userName, undefined)).toBeUndefined();
  expect(parseUserName('acme/bike-1', undefined)).toEqual({ tenant: 'acme', clientName: 'bike-1' });
});

test('a tenant name has 1 to 64 plain characters', () => {
  expect(parseTenantId('A-z_0.9')).toBe('A-z_0.9');
  expect(parseTenantId('x'.repeat(64))).toHaveLength(64);
  for (const text of ['', 'x'.repeat(65), 'a/b', 'a b', 'a\n']) expect(parseTenantId(text)).toBeUndefined();
});

test('an incarnation is one run of one broker', () => {
  expect(incarnation('spoke-1', 7)).toBe('spoke-1#7');
  expect(incarnation('spoke-1', 8)).not.toBe(incarnation('spoke-1', 7));
});
