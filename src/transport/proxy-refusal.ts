/** Why a connection to a listener with PROXY protocol was refused before its own first byte. */

/**
 * untrusted: the peer may not speak for others. missing: it sent something else than a header. malformed, tooLong,
 * checksum: it sent a bad one. timedOut, closed: it sent none, or part of one.
 */
export type ProxyRefusal =
  'untrusted' | 'missing' | 'malformed' | 'tooLong' | 'checksum' | 'timedOut' | 'closed';

/** For the log. */
export interface RefusedProxy {
  readonly reason: ProxyRefusal;
  readonly detail: string;
  /** Of the socket: the proxy, or who claims to be one. */
  readonly address: string;
  /** `tcp 127.0.0.1:1883` */
  readonly listener: string;
}

export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError';
  readonly reason: 'missing' | 'malformed' | 'tooLong' | 'checksum';

  constructor(reason: ProxyHeaderError['reason'], detail: string) {
    super(detail);
    this.reason = reason;
  }
}
