import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/app/config.ts';
import type { Environment } from '../../../src/app/config-environment.ts';

const directory = mkdtempSync(join(tmpdir(), 'spoke-config-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

let files = 0;
function load(text: string | undefined, environment: Environment = {}) {
  files++;
  const file = text === undefined ? undefined : join(directory, `c${files}.yaml`);
  if (file !== undefined) writeFileSync(file, text ?? '');
  return loadConfig({ file, environment, workingDirectory: directory });
}

function problemsOf(text: string | undefined, environment: Environment = {}): readonly string[] {
  try {
    load(text, environment);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.message.replaceAll(/\S*\/c\d+\.yaml/g, 'c.yaml').split('\n');
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('needs no file: listens on loopback, keeps everything on disk', () => {
    const { config, file } = load(undefined);
    expect(file).toBeUndefined();
    expect(config.listeners).toEqual([
      { transport: 'tcp', host: '127.0.0.1', port: 1883, tcpKeepAliveS: 60, noDelay: true },
      {
        transport: 'ws',
        host: '127.0.0.1',
        port: 8083,
        path: '/mqtt',
        origins: [],
        tcpKeepAliveS: 60,
        noDelay: true,
      },
    ]);
    expect(config).toMatchObject({ durability: 'fsync', tenants: ['default'], auth: { mode: 'anonymous' } });
    expect(config.dataDirectory).toBe(join(directory, 'data'));
  });

  it('takes an empty file and a file of comments as the defaults', () => {
    expect(load('').config).toEqual(load(undefined).config);
    expect(load('# nothing\n').config).toEqual(load(undefined).config);
  });

  it('reads ./spokemq.yaml when nothing names a file, and SPOKE_CONFIG before it', () => {
    const here = join(directory, 'spokemq.yaml');
    writeFileSync(here, 'broker: { id: here }\n');
    writeFileSync(join(directory, 'other.yaml'), 'broker: { id: other }\n');
    try {
      expect(load(undefined).config.broker.id).toBe('here');
      expect(load(undefined, { SPOKE_CONFIG: 'other.yaml' }).config.broker.id).toBe('other');
    } finally {
      rmSync(here);
    }
  });

  it('lets the environment override numbers, text, booleans and lists', () => {
    const { config } = load('limits:\n  packetBytesMax: 1000\n', {
      SPOKE_LIMITS_PACKET_BYTES_MAX: '2000',
      SPOKE_DURABILITY: 'os',
      SPOKE_ADMIN_ENABLED: 'false',
      SPOKE_TENANTS: '["a","b"]',
      SPOKE_LISTENERS: '[{"transport":"tcp","port":0}]',
    });
    expect(config.limits.packetBytesMax).toBe(2000);
    expect(config).toMatchObject({ durability: 'os', admin: { enabled: false }, tenants: ['a', 'b'] });
    expect(config.listeners).toMatchObject([{ transport: 'tcp', host: '127.0.0.1', port: 0 }]);
  });

  it('resolves relative paths from the directory of the file', () => {
    const file = join(directory, 'paths.yaml');
    writeFileSync(
      file,
      'dataDirectory: store\nlisteners:\n  - { transport: tls, tls: { certFile: c.pem, keyFile: k.pem } }\n',
    );
    const { config } = loadConfig({ file, environment: {}, workingDirectory: '/' });
    expect(config.dataDirectory).toBe(join(directory, 'store'));
    expect(config.listeners[0]).toMatchObject({ tls: { certFile: join(directory, 'c.pem') } });
  });
});

describe('problems of a configuration', () => {
  it('names file, line, column, key and the fix, all at once', () => {
    const text = ['limits:', '  packetBytesMax: 0', '  packetBytesMx: 5', 'durability: sometimes', ''].join(
      '\n',
    );
    expect(problemsOf(text)).toEqual([
      'c.yaml:4:1: durability: is "sometimes". Use one of fsync, os.',
      'c.yaml:2:3: limits.packetBytesMax: is 0. Use a whole number from 1 to 268435460.',
      'c.yaml:3:3: limits.packetBytesMx: is not a known key. Did you mean "packetBytesMax"?',
    ]);
  });

  it('names the variable when the value came from the environment', () => {
    expect(problemsOf('log: { level: info }', { SPOKE_LOG_LEVEL: 'loud', SPOKE_ADMIN_PORT: 'x' })).toEqual([
      'SPOKE_ADMIN_PORT: admin.port: is "x". Use a whole number from 0 to 65535.',
      'SPOKE_LOG_LEVEL: log.level: is "loud". Use one of trace, debug, info, warn, error, fatal, silent.',
    ]);
  });

  it('points into lists', () => {
    const text = 'listeners:\n  - transport: tcp\n    tsl: 1\n  - transport: udp\n  - transport: tls\n';
    expect(problemsOf(text)).toEqual([
      'c.yaml:3:5: listeners[0].tsl: is not a known key. Known here: transport, host, port, proxyProtocol, tcpKeepAliveS, noDelay.',
      'c.yaml:4:5: listeners[1].transport: is "udp". Use one of tcp, tls, ws, wss.',
      'c.yaml:5:5: listeners[2].tls: is missing. Use a map of certFile, keyFile, certificates, minVersion, caFile, clientCertificates, clientName, clientTenant, clientUser.',
    ]);
  });

  it('reports YAML that cannot be read, with its place', () => {
    expect(problemsOf('a: [1\nb: 2\n')[0]).toMatch(/^c\.yaml:2:\d+: .+\. Correct the YAML at this place\.$/);
    expect(problemsOf('- 1\n')).toEqual([expect.stringMatching(/^c\.yaml:1:1: is a list\. Use a map/)]);
  });

  it('says so when a named file does not exist', () => {
    expect(() => loadConfig({ file: 'no.yaml', environment: {}, workingDirectory: directory })).toThrow(
      /no\.yaml: does not exist\. Create it/,
    );
  });

  it('only warns of unknown SPOKE_ variables: an orchestrator sets some of its own', () => {
    const { warnings } = load(undefined, { SPOKE_SERVICE_HOST: '10.0.0.1', SPOKE_DURABILTY: 'os' });
    expect(warnings).toEqual([
      'SPOKE_SERVICE_HOST is no setting',
      'SPOKE_DURABILTY is no setting; did you mean SPOKE_DURABILITY?',
    ]);
  });

  it('refuses names that cannot be tenants', () => {
    expect(problemsOf('tenants: [ok, "no/slash"]')).toEqual([
      'c.yaml:1:15: tenants[1]: "no/slash" is not a tenant name. Use 1 to 64 letters, digits, dots, underscores or hyphens.',
    ]);
  });
});

describe('what may be reachable from other machines', () => {
  const open = 'listeners:\n  - transport: tcp\n    host: 0.0.0.0\n';

  it('refuses anonymous listeners beyond loopback unless told to', () => {
    expect(problemsOf(open)).toEqual([
      expect.stringMatching(/^c\.yaml:3:5: listeners\[0\]\.host: 0\.0\.0\.0 is reachable/),
    ]);
    expect(problemsOf(`${open}allowInsecureRemote: true\n`)).toEqual([]);
    expect(problemsOf(`${open}auth: { mode: file }\n`)).toEqual([]);
    expect(problemsOf(`${open}auth: { mode: chain, chain: [file, certificate] }\n`)).toEqual([]);
    expect(problemsOf(`${open}auth: { mode: chain, chain: [file, anonymous] }\n`)).toHaveLength(1);
  });

  it.each(['127.0.0.1', '127.8.9.1', '::1', 'localhost'])('lets anonymous clients in on %s', (host) => {
    expect(problemsOf(`listeners: [{ transport: tcp, host: "${host}" }]`)).toEqual([]);
  });

  it.each(['::', '10.1.2.3', 'broker.example.com', '::ffff:10.0.0.1'])('takes %s for reachable', (host) => {
    expect(problemsOf(`listeners: [{ transport: tcp, host: "${host}" }]`)).toHaveLength(1);
  });

  it('refuses an admin API beyond loopback even with authentication', () => {
    expect(problemsOf('auth: { mode: file }\nadmin: { host: 0.0.0.0 }\n')).toHaveLength(1);
    expect(problemsOf('admin: { host: 0.0.0.0, enabled: false }\n')).toEqual([]);
  });

  it('wants an authority when client certificates count', () => {
    const tls = '{ certFile: c, keyFile: k, clientCertificates: required }';
    expect(problemsOf(`listeners: [{ transport: tls, tls: ${tls} }]`)).toEqual([
      expect.stringContaining('Set caFile'),
    ]);
  });
});

describe('chains of authenticators', () => {
  it('belong to tenants that are served, one to each', () => {
    const chains = (...tenants: readonly string[]) =>
      `tenants: [acme]\nauth:\n  mode: chain\n  tenantChains:\n${tenants.map((tenant) => `    - { tenant: ${tenant}, chain: [file] }\n`).join('')}`;
    expect(problemsOf(chains('acme'))).toEqual([]);
    expect(problemsOf(chains('globex')).join()).toMatch(/globex is not one of the tenants that are served/);
    expect(problemsOf(chains('acme', 'acme')).join()).toMatch(/acme has a chain already/);
  });

  it('are not empty, and have rules that can be read', () => {
    expect(problemsOf('auth: { chain: [] }\n')).toHaveLength(1);
    expect(problemsOf('auth: { anonymousRules: [allow everything] }\n').join()).toMatch(/is not of the form/);
  });
});

describe('tokens', () => {
  it('need keys, of one place, and a secret that cannot be guessed', () => {
    const auth = (jwt: string) => `auth: { mode: chain, chain: [jwt], jwt: { ${jwt} } }\n`;
    expect(problemsOf(auth('')).join()).toMatch(/nothing says which keys to believe/);
    expect(problemsOf(auth('jwksFile: a, jwksUrl: b')).join()).toMatch(/is there beside auth\.jwt\.jwksFile/);
    expect(problemsOf(auth('jwksUrl: https://login.example/jwks'))).toEqual([]);
    const short = problemsOf(auth('secret: hunter2')).join();
    expect(short).toMatch(/is shorter than 32 characters/);
    expect(short).not.toContain('hunter2');
  });
});
