import { describe, expect, it } from 'vitest';
import { loadConfig, ConfigError } from '../../../src/app/config.ts';

/** One listener from the environment, as JSON. */
function load(listener: object, environment: Record<string, string> = {}) {
  return loadConfig({
    file: undefined,
    environment: { SPOKE_LISTENERS: JSON.stringify([listener]), ...environment },
    workingDirectory: '/nowhere',
  });
}

function problemsOf(listener: object, environment?: Record<string, string>): readonly string[] {
  try {
    load(listener, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const tls = { certFile: 'server.pem', keyFile: 'server.key', caFile: 'ca.pem' };

describe('a listener', () => {
  it('has paths of all its certificates made absolute', () => {
    const certificates = [{ certFile: 'b.pem', keyFile: 'b.key' }];
    const { config } = load({ transport: 'tls', tls: { ...tls, certificates } });
    expect(config.listeners[0]).toMatchObject({
      tls: {
        certFile: '/nowhere/server.pem',
        certificates: [{ certFile: '/nowhere/b.pem', keyFile: '/nowhere/b.key' }],
        minVersion: 'TLSv1.2',
        clientName: 'commonName',
        clientUser: 'agrees',
      },
    });
  });

  it.each(['tcp', 'tls', 'ws', 'wss'])('may speak PROXY protocol over %s', (transport) => {
    const listener = { transport, proxyProtocol: { trusted: ['10.0.0.0/8', '::1'] } };
    const { config } = load(transport === 'tcp' || transport === 'ws' ? listener : { ...listener, tls });
    expect(config.listeners[0]?.proxyProtocol).toEqual({
      trusted: ['10.0.0.0/8', '::1'],
      clientUser: 'ignored',
    });
  });

  it.each([
    [{ trusted: [] }, /proxyProtocol\.trusted: is a list/],
    [{}, /proxyProtocol\.trusted: is missing\. Use a list/],
    [
      { trusted: ['10.0.0.0/8', 'proxy.local'] },
      /trusted\[1\]: "proxy\.local" is neither an IP address nor a range of them\. Use for example 10\.0\.0\.0\/8/,
    ],
    [{ trusted: ['10.0.0.0/40'] }, /trusted\[0\]: "10\.0\.0\.0\/40" is neither/],
  ])('does not trust %j', (proxyProtocol, message) => {
    expect(problemsOf({ transport: 'tcp', proxyProtocol })).toEqual([expect.stringMatching(message)]);
  });

  it('does not let everybody say which user a client is', () => {
    const proxyProtocol = { trusted: ['10.0.0.0/8', '::/0'], clientUser: 'agrees' };
    expect(problemsOf({ transport: 'tcp', proxyProtocol })).toEqual([
      expect.stringMatching(/listeners\[0\]\.proxyProtocol\.trusted\[1\]: ::\/0 is everybody/),
    ]);
    expect(
      problemsOf({ transport: 'tcp', proxyProtocol: { ...proxyProtocol, clientUser: 'ignored' } }),
    ).toEqual([]);
  });

  it('knows X-Forwarded-For on WebSockets only', () => {
    const forwardedFor = { trusted: ['10.0.0.0/8'] };
    expect(problemsOf({ transport: 'ws', forwardedFor })).toEqual([]);
    expect(problemsOf({ transport: 'tcp', forwardedFor })).toEqual([
      expect.stringContaining('listeners[0].forwardedFor: is not a known key'),
    ]);
  });

  it('knows origins of pages on WebSockets only, and nothing that is none', () => {
    expect(
      problemsOf({ transport: 'ws', origins: ['https://app.example.com', 'http://localhost:8080'] }),
    ).toEqual([]);
    for (const wrong of ['https://app.example.com/', 'app.example.com', '*', 'null'])
      expect(problemsOf({ transport: 'ws', origins: [wrong] })).toEqual([
        expect.stringContaining('listeners[0].origins[0]: is not the origin of a page'),
      ]);
    expect(problemsOf({ transport: 'tcp', origins: [] })).toEqual([
      expect.stringContaining('listeners[0].origins: is not a known key'),
    ]);
  });

  it('gives certificates to a tenant that is served', () => {
    const listener = { transport: 'tls', tls: { ...tls, clientTenant: 'acme' } };
    expect(problemsOf(listener)).toEqual([
      expect.stringContaining(
        'listeners[0].tls.clientTenant: acme is not one of the tenants that are served. Add it to tenants',
      ),
    ]);
    expect(problemsOf(listener, { SPOKE_TENANTS: '["acme"]' })).toEqual([]);
  });

  it.each([
    [{ tcpKeepAliveS: 40_000 }, /tcpKeepAliveS: is 40000\. Use a whole number from 0 to 32767/],
    [{ noDelay: 'yes' }, /noDelay: is "yes"\. Use true or false/],
  ])('refuses %j', (wrong, message) => {
    expect(problemsOf({ transport: 'tcp', ...wrong })).toEqual([expect.stringMatching(message)]);
  });

  it('refuses versions of TLS that nobody should speak', () => {
    expect(problemsOf({ transport: 'tls', tls: { ...tls, minVersion: 'TLSv1.1' } })).toEqual([
      expect.stringContaining('tls.minVersion: is "TLSv1.1". Use one of TLSv1.2, TLSv1.3'),
    ]);
  });
});
