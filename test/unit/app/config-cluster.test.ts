import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/app/config.ts';

const CLUSTER = {
  SPOKE_EVENT_LOG_STORE: 'kafka',
  SPOKE_QUEUES_STORE: 'hbase',
  SPOKE_ALLOW_INSECURE_REMOTE: 'true',
};

/** Without their places. */
function problems(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    loadConfig({
      file: undefined,
      environment: { ...CLUSTER, ...environment },
      workingDirectory: '/nowhere',
    });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ key, what }) => `${key}: ${what}`);
    throw error;
  }
}

describe('where other brokers reach this one', () => {
  it.each([
    {},
    { SPOKE_CLUSTER_PEER_HOST: '::1' },
    { SPOKE_CLUSTER_PEER_HOST: '10.0.0.7' },
    { SPOKE_CLUSTER_PEER_HOST: 'broker-1' },
    { SPOKE_CLUSTER_PEER_HOST: '0.0.0.0', SPOKE_CLUSTER_ADVERTISE: 'broker-1:7883' },
    { SPOKE_CLUSTER_PEER_HOST: '::', SPOKE_CLUSTER_ADVERTISE: '[fd00::1]:65535' },
    // Of a broker that is alone nobody is told.
    { SPOKE_EVENT_LOG_STORE: 'embedded', SPOKE_CLUSTER_PEER_HOST: '0.0.0.0' },
  ])('may be %j', (environment) => {
    expect(problems(environment)).toEqual([]);
  });

  it.each(['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0'])(
    'has to be said where it listens on every address: %s',
    (peerHost) => {
      expect(problems({ SPOKE_CLUSTER_PEER_HOST: peerHost })).toEqual([
        expect.stringMatching(/^cluster\.advertise: is missing, and cluster\.peerHost is /),
      ]);
    },
  );

  it.each(['broker-1:65536', 'broker-1:99999', 'broker-1:0', '0.0.0.0:7883', '[::]:7883'])(
    'is nowhere: %s',
    (advertise) => {
      expect(problems({ SPOKE_CLUSTER_ADVERTISE: advertise })).toEqual([
        `cluster.advertise: is ${advertise}, which other brokers cannot dial`,
      ]);
    },
  );
});

describe('the port for other brokers', () => {
  it('is not open to other machines without TLS', () => {
    const [problem, ...others] = problems({
      SPOKE_ALLOW_INSECURE_REMOTE: 'false',
      SPOKE_CLUSTER_PEER_HOST: '10.0.0.7',
    });
    expect(problem).toMatch(/^cluster\.peerHost: 10\.0\.0\.7 is reachable from other machines/);
    expect(others).toEqual([]);
  });

  it('takes all three files for TLS', () => {
    const files = { SPOKE_CLUSTER_TLS_CERT_FILE: 'a.pem', SPOKE_CLUSTER_TLS_KEY_FILE: 'a.key' };
    expect(problems({ SPOKE_CLUSTER_TLS_ENABLED: 'true', ...files })).toEqual([
      expect.stringMatching(/^cluster\.tls\.caFile: /),
    ]);
  });
});
