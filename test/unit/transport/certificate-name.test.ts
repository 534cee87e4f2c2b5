import { describe, expect, it } from 'vitest';
import { certificateName, splitAlternativeNames } from '../../../src/transport/certificate-name.ts';

const subjectaltname =
  'DNS:bike-18.fleet.example, URI:urn:bike:18, DNS:second.example, email:b@fleet.example';
const certificate = { subject: { CN: 'bike-18', O: 'Fleet' }, subjectaltname };

describe('the user a certificate names', () => {
  it.each([
    ['commonName', 'bike-18'],
    ['dns', 'bike-18.fleet.example'],
    ['uri', 'urn:bike:18'],
    ['email', 'b@fleet.example'],
  ] as const)('is its %s', (field, expected) => {
    expect(certificateName(certificate, { field })).toBe(expected);
  });

  it.each([
    ['no subject', {}, 'commonName'],
    ['a subject without a common name', { subject: { O: 'Fleet' } }, 'commonName'],
    ['an empty common name', { subject: { CN: '' } }, 'commonName'],
    ['no alternative names', { subject: { CN: 'bike-18' } }, 'dns'],
    ['none of that kind', { subjectaltname: 'URI:urn:x' }, 'dns'],
  ] as const)('is nobody with %s', (_case, other, field) => {
    expect(certificateName(other, { field })).toBeUndefined();
  });

  it('is the first of several common names', () => {
    expect(certificateName({ subject: { CN: ['first', 'second'] } }, { field: 'commonName' })).toBe('first');
  });

  it.each([
    ['bike-18', 'acme/bike-18'],
    ['acme/bike-18', 'acme/bike-18'],
    ['globex/bike-18', 'acme/globex/bike-18'],
  ])('%s belongs to the tenant of the listener, if that has one', (CN, expected) => {
    expect(certificateName({ subject: { CN } }, { field: 'commonName', tenant: 'acme' })).toBe(expected);
  });
});

describe('alternative names', () => {
  it('that try to look like two are one', () => {
    expect(splitAlternativeNames('URI:"urn:a, DNS:admin", DNS:"a\\"b", IP Address:127.0.0.1')).toEqual([
      { kind: 'URI', value: 'urn:a, DNS:admin' },
      { kind: 'DNS', value: 'a"b' },
      { kind: 'IP Address', value: '127.0.0.1' },
    ]);
  });
});
