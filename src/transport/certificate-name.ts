/** The user that a client certificate names: which field of it says so, and for which tenant. */
import type { PeerCertificate } from 'node:tls';

/** `commonName` of the subject, or the first subject alternative name of one kind. */
export type CertificateField = 'commonName' | 'dns' | 'email' | 'uri';

export interface CertificateNameRule {
  readonly field: CertificateField;
  /** Every holder belongs to this tenant. undefined: the name says it, as in a user name. */
  readonly tenant?: string;
}

/**
 * What the name is worth. agrees: a user name in CONNECT has to be the same. decides: it counts in place of user name
 * and password. ignored: certificates protect connections and name nobody.
 */
export type CertificateUse = 'agrees' | 'decides' | 'ignored';

export const COMMON_NAME: CertificateNameRule = { field: 'commonName' };

/** What Node writes before the value; see `splitAlternativeNames`. */
const KIND: Readonly<Record<Exclude<CertificateField, 'commonName'>, string>> = {
  dns: 'DNS',
  email: 'email',
  uri: 'URI',
};

/** As a user name, `{tenant}/{name}` or `{name}`. undefined: the certificate has no such field. */
export function certificateName(
  certificate: Partial<Pick<PeerCertificate, 'subjectaltname'>> & { readonly subject?: unknown },
  { field, tenant }: CertificateNameRule,
): string | undefined {
  const name =
    field === 'commonName'
      ? commonName(certificate.subject)
      : alternativeName(certificate.subjectaltname, KIND[field]);
  if (name === undefined || name === '') return undefined;
  // A name that says its tenant itself may; one that says another has a slash too many and is nobody.
  return tenant === undefined || name.startsWith(`${tenant}/`) ? name : `${tenant}/${name}`;
}

/** Certificates may have no subject, or several common names, whatever Node's types say; the first counts. */
function commonName(subject: unknown): string | undefined {
  if (subject === null || typeof subject !== 'object' || !('CN' in subject)) return undefined;
  const names: unknown = subject.CN;
  const name: unknown = Array.isArray(names) ? names[0] : names;
  return typeof name === 'string' ? name : undefined;
}

function alternativeName(text: string | undefined, kind: string): string | undefined {
  return splitAlternativeNames(text ?? '').find((name) => name.kind === kind)?.value;
}

export interface AlternativeName {
  /** `DNS`, `email`, `URI`, `IP Address` … */
  readonly kind: string;
  readonly value: string;
}

/**
 * Splits Node's text of subject alternative names, `DNS:a.example, URI:urn:b`. A value that could be taken for two
 * stands there as a JSON string.
 */
export function splitAlternativeNames(text: string): AlternativeName[] {
  return Array.from(
    text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g),
    ([, kind = '', value = '']) => ({
      kind,
      value: value.startsWith('"') ? String(JSON.parse(value)) : value,
    }),
  );
}
