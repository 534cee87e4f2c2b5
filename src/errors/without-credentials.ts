/** Addresses for logs and errors: what stands before the host may be a user and a password. */

/** `https://user:password@host/path`, or without the scheme. */
const CREDENTIALS = /((?:[a-z][a-z0-9+.-]*:)?\/\/)[^\s/"'\\]*@|[^\s/"'\\,:@]+:[^\s/"'\\,]+@/gi;

export function withoutCredentials(text: string): string {
  return text.replace(CREDENTIALS, (_all, scheme: string | undefined) => `${scheme ?? ''}[secret]@`);
}
