/**
 * The certificates of one listener, ready for use: one for everybody, and further ones for clients that ask for the
 * names in them (SNI). Unchangeable; a reload makes another.
 */
import { X509Certificate } from 'node:crypto';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
} from 'node:tls';
import { splitAlternativeNames } from './certificate-name.ts';

export interface CertificateAndKey {
  /** PEM: the server's certificate, then those between it and its CA. */
  readonly certificate: Buffer;
  /** PEM. */
  readonly key: Buffer;
}

export interface ServerCertificatesOptions extends CertificateAndKey {
  /** For the names in them. */
  readonly furtherCertificates?: readonly CertificateAndKey[];
  /** PEM: whom client certificates must come from. Absent: the CAs that Node trusts. */
  readonly certificateAuthority?: Buffer;
  /** Oldest version spoken; default TLSv1.2. */
  readonly minVersion?: SecureVersion;
}

export const MIN_VERSION: SecureVersion = 'TLSv1.2';

export class ServerCertificates {
  /** For who asks for no name, or for one that no certificate has. */
  readonly fallback: SecureContextOptions;
  /** When the first of them expires. */
  readonly expiresAtMs: number;
  readonly #fallbackContext: SecureContext;
  readonly #exact = new Map<string, SecureContext>();
  /** `*.bikes.example` by `bikes.example`. */
  readonly #wildcards = new Map<string, SecureContext>();

  /** Throws Node's error when a certificate, key or CA cannot be used. */
  constructor(options: ServerCertificatesOptions) {
    const { certificateAuthority, minVersion = MIN_VERSION, furtherCertificates = [] } = options;
    const optionsOf = ({ certificate, key }: CertificateAndKey): SecureContextOptions => ({
      cert: certificate,
      key,
      minVersion,
      ...(certificateAuthority && { ca: certificateAuthority }),
    });
    this.fallback = optionsOf(options);
    this.#fallbackContext = createSecureContext(this.fallback);
    const certificates = [options, ...furtherCertificates].map(
      (each) => new X509Certificate(each.certificate),
    );
    this.expiresAtMs = Math.min(...certificates.map(({ validTo }) => Date.parse(validTo)));
    certificates.forEach((certificate, index) => {
      const further = furtherCertificates[index - 1];
      const context = further === undefined ? this.#fallbackContext : createSecureContext(optionsOf(further));
      for (const name of dnsNames(certificate)) this.#add(name, context);
    });
  }

  contextFor(serverName: string): SecureContext {
    const name = serverName.toLowerCase();
    const parent = name.slice(name.indexOf('.') + 1);
    return this.#exact.get(name) ?? this.#wildcards.get(parent) ?? this.#fallbackContext;
  }

  /** Of two certificates with one name the first counts. */
  #add(name: string, context: SecureContext): void {
    const names = name.startsWith('*.') ? this.#wildcards : this.#exact;
    const key = name.startsWith('*.') ? name.slice(2) : name;
    if (!names.has(key)) names.set(key, context);
  }
}

function dnsNames({ subjectAltName }: X509Certificate): string[] {
  return splitAlternativeNames(subjectAltName ?? '')
    .filter(({ kind }) => kind === 'DNS')
    .map(({ value }) => value.toLowerCase());
}
