/** What does not go together in the `auth` section, and what would show passwords to whoever listens. */
import { isIP } from 'node:net';
import { isLoopback } from '../admin/loopback.ts';
import { usedLinks } from './auth-chains.ts';
import type { RuleViolation } from './config-rules.ts';
import type { SpokeConfig } from './config-schema.ts';
import { pairViolations, tlsViolations } from './tls-rules.ts';

export function authRules(config: SpokeConfig): readonly RuleViolation[] {
  const { mysql, cache } = config.auth;
  return [
    ...tokenKeys(config),
    ...webhook(config),
    ...tlsViolations(['auth', 'mysql', 'tls'], mysql.tls),
    ...nameOfAddress(config),
    ...tlsViolations(['auth', 'cache', 'redis', 'tls'], cache.redis.tls),
  ];
}

const SECRET_CHARACTERS_MIN = 32;

function tokenKeys(config: SpokeConfig): readonly RuleViolation[] {
  const { secret, jwksFile, jwksUrl } = config.auth.jwt;
  if (secret !== '' && secret.length < SECRET_CHARACTERS_MIN) {
    const what = `is shorter than ${SECRET_CHARACTERS_MIN} characters: it could be guessed from one token`;
    return [{ path: ['auth', 'jwt', 'secret'], what, fix: 'Use a longer one, of random characters' }];
  }
  if (jwksFile !== '' && jwksUrl !== '') {
    const path = ['auth', 'jwt', 'jwksUrl'];
    return [{ path, what: 'is there beside auth.jwt.jwksFile', fix: 'Remove one of them' }];
  }
  if (!usedLinks(config).has('jwt') || secret !== '' || jwksFile !== '' || jwksUrl !== '') return [];
  const fix = 'Set auth.jwt.secret, jwksFile or jwksUrl';
  return [{ path: ['auth', 'chain'], what: 'has jwt, and nothing says which keys to believe', fix }];
}

function webhook(config: SpokeConfig): readonly RuleViolation[] {
  const { url: text, allowPlainRemote, tls } = config.auth.http;
  const path = ['auth', 'http', 'url'];
  if (text === '') {
    if (!usedLinks(config).has('http')) return [];
    return [
      { path: ['auth', 'chain'], what: 'has http, and nothing says whom to ask', fix: 'Set auth.http.url' },
    ];
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return [{ path, what: 'is no URL of http or https', fix: 'Write for example https://auth.example/mqtt' }];
  if (url.username !== '' || url.password !== '') {
    const what = 'has a user or a password in it, which would be shown in logs';
    return [{ path, what, fix: 'Set auth.http.authorization' }];
  }
  if (url.protocol === 'http:' && !isLoopback(bare(url.hostname)) && !allowPlainRemote)
    return [
      {
        path,
        what: `sends the passwords of clients to ${url.hostname} in plain text`,
        fix: 'Use https, or set auth.http.allowPlainRemote to true',
      },
    ];
  return pairViolations(['auth', 'http', 'tls'], tls);
}

/** `[::1]` as an address. */
function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** The client library checks a certificate against a name only. */
function nameOfAddress({ auth: { mysql } }: SpokeConfig): readonly RuleViolation[] {
  const { enabled, serverName } = mysql.tls;
  const path = ['auth', 'mysql', 'tls', 'serverName'];
  if (!enabled) return [];
  if (isIP(serverName) !== 0)
    return [{ path, what: 'is an address', fix: 'Use a name that the certificate carries' }];
  if (serverName !== '' || isIP(mysql.host) === 0 || isLoopback(mysql.host)) return [];
  const what = `is missing: auth.mysql.host is an address, and certificates are checked for a name`;
  return [
    { path, what, fix: 'Set it to a name that the certificate carries, or auth.mysql.host to that name' },
  ];
}
