/** A listener could not be opened. The message says which, why, and what to do about it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'LISTEN_FAILED';

  constructor(listener: string, reason: string, advice: string, options?: { cause?: unknown }) {
    super(`Cannot listen on ${listener}: ${reason}. ${advice}`, options);
  }
}

/** `listener` is what people know it by, `tcp 127.0.0.1:1883`. */
export function listenError(listener: string, cause: NodeJS.ErrnoException): ListenError {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ListenError(
        listener,
        'another process uses this port (EADDRINUSE)',
        'Stop that process, or give this listener another port.',
        { cause },
      );
    case 'EACCES':
      return new ListenError(
        listener,
        'this process may not use this port (EACCES)',
        'Choose a port of 1024 or above, or grant the process CAP_NET_BIND_SERVICE.',
        { cause },
      );
    case 'EAFNOSUPPORT':
      return new ListenError(
        listener,
        'this machine has no IPv6 (EAFNOSUPPORT)',
        'Use an IPv4 address: 127.0.0.1 for this machine only, 0.0.0.0 for all it has.',
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ListenError(
        listener,
        `this machine has no such address (${cause.code})`,
        'Use 127.0.0.1 or ::1 for this machine only, 0.0.0.0 for all its IPv4 addresses, :: for those of IPv6 too, or one it has.',
        { cause },
      );
    default:
      return new ListenError(listener, cause.message, 'See the cause.', { cause });
  }
}

/** `cause` is what Node says about the files. */
export function tlsError(listener: string, cause: unknown): ListenError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ListenError(
    listener,
    `its certificate, key or CA cannot be used (${reason})`,
    'Give PEM files that belong together.',
    { cause },
  );
}
