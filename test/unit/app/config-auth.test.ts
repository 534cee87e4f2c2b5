/** What the configuration of authentication may not say: what would be open, plain, or of no use. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/app/config.ts';
import { configSchema } from '../../../src/app/config-schema.ts';
import { withoutSecrets } from '../../../src/app/config-secrets.ts';
import { mySqlOptions } from '../../../src/app/mysql-options.ts';
import { mysql } from '../../../src/app/mysql-schema.ts';
import { redisOptions } from '../../../src/app/user-cache.ts';
import { userCache } from '../../../src/app/user-cache-schema.ts';
import { openWebhookUsers } from '../../../src/app/webhook-users.ts';
import { webhook } from '../../../src/app/webhook-schema.ts';
import { REFUSED } from '../../../src/auth/admission.ts';
import { ManualTimers } from '../../support/manual-timers.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'spoke-auth-config-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function load(environment: Readonly<Record<string, string>>) {
  return loadConfig({ file: undefined, environment, workingDirectory: directory });
}

const HTTP = { SPOKE_AUTH_MODE: 'chain', SPOKE_AUTH_CHAIN: '["http"]' };
const TLS = { SPOKE_AUTH_MYSQL_TLS_ENABLED: 'true' };

describe('settings of authentication', () => {
  it.each<[Readonly<Record<string, string>>, RegExp]>([
    [HTTP, /auth\.chain: has http, and nothing says whom to ask/],
    [{ SPOKE_AUTH_HTTP_URL: 'auth.example' }, /auth\.http\.url: is no URL/],
    [{ SPOKE_AUTH_HTTP_URL: 'ftp://auth.example' }, /auth\.http\.url: is no URL/],
    [{ SPOKE_AUTH_HTTP_URL: 'https://a:b@auth.example' }, /auth\.http\.url: has a user or a password/],
    [{ SPOKE_AUTH_HTTP_URL: 'http://auth.example' }, /auth\.http\.url: sends the passwords.*in plain text/],
    [
      { SPOKE_AUTH_HTTP_URL: 'https://auth.example', SPOKE_AUTH_HTTP_TLS_CERT_FILE: 'a.pem' },
      /auth\.http\.tls\.keyFile: is missing/,
    ],
    [
      { SPOKE_AUTH_MYSQL_TLS_CA_FILE: 'ca.pem' },
      /auth\.mysql\.tls\.caFile: is set.*nothing would be encrypted/,
    ],
    [{ ...TLS, SPOKE_AUTH_MYSQL_TLS_KEY_FILE: 'a.key' }, /auth\.mysql\.tls\.certFile: is missing/],
    [{ ...TLS, SPOKE_AUTH_MYSQL_HOST: '192.0.2.1' }, /auth\.mysql\.tls\.serverName: is missing/],
    [
      { ...TLS, SPOKE_AUTH_MYSQL_TLS_SERVER_NAME: '192.0.2.1' },
      /auth\.mysql\.tls\.serverName: is an address/,
    ],
    [
      { SPOKE_AUTH_CACHE_REDIS_TLS_SERVER_NAME: 'redis.example' },
      /auth\.cache\.redis\.tls\.serverName: is set.*nothing would be encrypted/,
    ],
  ])('%o are refused', (environment, expected) => {
    expect(() => load(environment)).toThrow(expected);
  });

  it.each([
    { ...HTTP, SPOKE_AUTH_HTTP_URL: 'http://127.0.0.1:9000/login' },
    { ...HTTP, SPOKE_AUTH_HTTP_URL: 'http://[::1]/login' },
    { ...HTTP, SPOKE_AUTH_HTTP_URL: 'https://auth.example' },
    { SPOKE_AUTH_HTTP_URL: 'http://auth.example', SPOKE_AUTH_HTTP_ALLOW_PLAIN_REMOTE: 'true' },
    { ...TLS, SPOKE_AUTH_MYSQL_HOST: '192.0.2.1', SPOKE_AUTH_MYSQL_TLS_SERVER_NAME: 'db.example' },
    { ...TLS, SPOKE_AUTH_MYSQL_HOST: 'db.example' },
  ])('%o are taken', (environment) => {
    expect(() => load(environment)).not.toThrow();
  });

  it('show nobody the credentials of the webhook', () => {
    const config = configSchema.parse({ auth: { http: { authorization: 'Bearer hunter2' } } });
    expect(JSON.stringify(withoutSecrets(config))).not.toContain('hunter2');
  });
});

describe('a file that a setting names and that cannot be used', () => {
  const caFile = '/nowhere/ca.pem';
  const tls = { enabled: true, caFile };

  it('is named with its key', () => {
    expect(() => mySqlOptions(mysql.parse({ tls }))).toThrow(
      /^auth\.mysql\.tls\.caFile: \/nowhere\/ca\.pem cannot be read$/,
    );
    expect(() => redisOptions(userCache.parse({ redis: { tls } }))).toThrow(
      /^auth\.cache\.redis\.tls\.caFile: \/nowhere\/ca\.pem cannot be read$/,
    );
    const open = (more: object) =>
      openWebhookUsers(
        webhook.parse({ url: 'https://auth.example', ...more }),
        () => Promise.resolve(REFUSED),
        new ManualTimers(),
      );
    expect(() => open({ tls: { caFile } })).toThrow(/^auth\.http\.tls\.caFile: .* cannot be read$/);
    expect(() => open({ headersFile: caFile })).toThrow(/^auth\.http\.headersFile: .* cannot be read$/);
    const headersFile = join(directory, 'headers');
    writeFileSync(headersFile, '# ours\n\nx-site: north\nx-key hunter2\n');
    expect(() => open({ headersFile })).toThrow(/^auth\.http\.headersFile: line 4 of .* is no header/);
  });
});
