/**
 * Who may use the admin API: requests addressed to this machine by a name it is known by, and below `/api` those
 * that carry the token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
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

/** `authorization` is the header of that name. */
export function checkToken(authorization: string | undefined, token: string): void {
  const given = BEARER.exec(authorization ?? '')?.[1];
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return;
  throw new ApiError(
    'UNAUTHORIZED',
    given === undefined ? 'the request carries no token' : 'the token is wrong',
    'Send "Authorization: Bearer TOKEN" with the content of the file admin-token in the data directory',
  );
}

/** Equal lengths for a comparison whose time tells nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
