/** What does not go together in the settings of TLS towards a server. */
import type { ClientTls } from './client-tls-schema.ts';
import type { RuleViolation } from './config-rules.ts';

/** `section`: such as `['kafka', 'tls']`. Never silently plain. */
export function tlsViolations(section: readonly string[], tls: ClientTls): readonly RuleViolation[] {
  const { enabled, ...settings } = tls;
  const name = section.join('.');
  if (enabled) return pairViolations(section, settings);
  return Object.entries(settings).flatMap(([key, value]) =>
    value === ''
      ? []
      : [
          {
            path: [...section, key],
            what: `is set, and ${name}.enabled is false: nothing would be encrypted`,
            fix: `Set ${name}.enabled to true`,
          },
        ],
  );
}

export function pairViolations(
  section: readonly string[],
  { certFile, keyFile }: Pick<ClientTls, 'certFile' | 'keyFile'>,
): readonly RuleViolation[] {
  if ((certFile === '') === (keyFile === '')) return [];
  const name = section.join('.');
  return [
    {
      path: [...section, certFile === '' ? 'certFile' : 'keyFile'],
      what: 'is missing: a certificate and its private key go together',
      fix: `Set both ${name}.certFile and ${name}.keyFile, or neither`,
    },
  ];
}
