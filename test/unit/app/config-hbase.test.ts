import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/app/config.ts';

/** The problems of the defaults with these variables over them, without their places. */
function problems(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    loadConfig({
      file: undefined,
      environment: { SPOKE_QUEUES_STORE: 'hbase', ...environment },
      workingDirectory: tmpdir(),
    });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ key, what }) => `${key}: ${what}`);
    throw error;
  }
}

describe('queues in HBase', () => {
  it('need no more than to be asked for', () => {
    expect(problems({})).toEqual([]);
  });

  it('keep messages at least as long as their sessions', () => {
    const [problem, ...others] = problems({ SPOKE_HBASE_MESSAGE_TTL_S: '3600' });
    expect(problem).toMatch(/^hbase.messageTtlS: is 3600, and sessions live for up to 2592000 s/);
    expect(others).toEqual([]);
    expect(problems({ SPOKE_HBASE_MESSAGE_TTL_S: '0' })).toEqual([]);
    expect(problems({ SPOKE_LIMITS_SESSION_EXPIRY_MAX_S: '4294967295' })).toHaveLength(1);
  });

  it('answer or fail before publishers are given up', () => {
    expect(problems({ SPOKE_LIMITS_STORE_TIMEOUT_MS: '6000' })).toEqual([
      'hbase.operationTimeoutMs: is 6000, and limits.storeTimeoutMs, which has to cover it, is 6000',
    ]);
    expect(problems({ SPOKE_HBASE_ATTEMPT_TIMEOUT_MS: '7000' })).toHaveLength(1);
    expect(problems({ SPOKE_HBASE_CONNECT_TIMEOUT_MS: '7000' })).toHaveLength(1);
  });

  it('are not judged while queues are embedded', () => {
    expect(problems({ SPOKE_QUEUES_STORE: 'embedded', SPOKE_HBASE_MESSAGE_TTL_S: '1' })).toEqual([]);
  });

  it.each(['localhost', 'a:1,', 'a:1 b:2'])('a quorum is host:port, comma separated: not %j', (quorum) => {
    expect(problems({ SPOKE_HBASE_ZOOKEEPER_QUORUM: quorum })).toHaveLength(1);
  });
});
