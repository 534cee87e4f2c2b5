/**
 * Who may use the admin API: requests addressed to this machine by a name it is known by, and below `/api` those
 * that carry a token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { AdminPrincipal } from './admin-principal.ts';
import { ApiError } from './api-error.ts';

/**
 * Refuses requests that a web page made a browser send here by letting its own name point to this machine (DNS
 * rebinding): such a request carries that name. An address in its place cannot be rebound.
 * `host` is the Host header; HTTP/1.0 has none, and browsers do not speak that.
 */
export function checkHost(host: string | undefined, allowed: ReadonlySet<string>): void {
  if (host === undefined) return;
  const name = hostName(host);
  if (name !== undefined && (isIP(name) !== 0 || name === 'localhost' || allowed.has(name))) return;
  throw new ApiError(
    'HOST_REFUSED',
    `this API is not known as ${JSON.stringify(host)}`,
    'Address it by IP address or as localhost, or add the name to admin.allowedHosts',
  );
}

function hostName(host: string): string | undefined {
  if (!URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
}

const BEARER = /^Bearer +(\S+) *$/i;

/** What a request may carry, and whose it is. The text of the token is not kept. */
export interface AdminToken {
  readonly digest: Buffer;
  readonly principal: AdminPrincipal;
}

export function adminToken(text: string, principal: AdminPrincipal): AdminToken {
  return { digest: digest(text), principal };
}

/** Whose token it is. `authorization` is the header of that name. Looks at every token: its time tells nothing. */
export function principalOfToken(
  authorization: string | undefined,
  tokens: readonly AdminToken[],
): AdminPrincipal {
  const given = BEARER.exec(authorization ?? '')?.[1];
  const found =
    given === undefined ? [] : tokens.filter((token) => timingSafeEqual(digest(given), token.digest));
  const [token] = found;
  if (token !== undefined) return token.principal;
  throw new ApiError(
    'UNAUTHORIZED',
    given === undefined ? 'the request carries no token' : 'the token is wrong',
    'Send "Authorization: Bearer TOKEN" with the content of the file admin-token in the data directory, or of one that admin.tokens names',
  );
}

/** Equal lengths for a comparison whose time tells nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
