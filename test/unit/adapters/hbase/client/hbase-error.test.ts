import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../../../src/adapters/hbase/client/backoff.ts';
import { bigintOf, halvesOf } from '../../../../../src/adapters/hbase/client/halves.ts';
import { HBaseError } from '../../../../../src/adapters/hbase/client/hbase-error.ts';
import { errorOf, retryRule } from '../../../../../src/adapters/hbase/client/server-exception.ts';

const PACKAGE = 'org.apache.hadoop.hbase';

describe('HBaseError', () => {
  it('says where, what and what to do', () => {
    const error = new HBaseError('CONNECTION_LOST', 'the server closed the connection', {
      server: '10.0.0.1:16020',
    });
    const told = error.at({ table: 'spoke:queues', region: 'abc', server: 'another' });
    expect(told.message).toBe(
      'HBase table spoke:queues, region abc, server 10.0.0.1:16020: the server closed the connection (CONNECTION_LOST): ' +
        'the server went away or the network was cut: see its log',
    );
    expect(told).toMatchObject({ code: 'CONNECTION_LOST', table: 'spoke:queues', server: '10.0.0.1:16020' });
    expect(told.cause).toBe(error);
  });
});

describe('errorOf', () => {
  it.each([
    [`${PACKAGE}.NotServingRegionException`, 'REGION_UNAVAILABLE'],
    [`${PACKAGE}.exceptions.RegionMovedException`, 'REGION_UNAVAILABLE'],
    [`${PACKAGE}.RegionTooBusyException`, 'SERVER_BUSY'],
    [`${PACKAGE}.CallQueueTooBigException`, 'SERVER_BUSY'],
    [`${PACKAGE}.UnknownScannerException`, 'SCANNER_LOST'],
    [`${PACKAGE}.TableExistsException`, 'ALREADY_EXISTS'],
    [`${PACKAGE}.DoNotRetryIOException`, 'REFUSED'],
    ['java.io.IOException', 'OUTCOME_UNKNOWN'],
  ] as const)('takes %s for %s', (className, code) => {
    expect(errorOf({ className, stackTrace: '', doNotRetry: false }, {}).code).toBe(code);
  });

  it('obeys a server that says not to retry', () => {
    const exception = {
      className: 'java.io.IOException',
      stackTrace: 'java.io.IOException: no',
      doNotRetry: true,
    };
    expect(errorOf(exception, {})).toMatchObject({ code: 'REFUSED', serverMessage: 'no' });
  });

  it('keeps class and first line, and no stack', () => {
    const className = `${PACKAGE}.NotServingRegionException`;
    const error = errorOf(
      { className, stackTrace: `${className}: t,,1. is closing\n\tat a.b.C(D.java)`, doNotRetry: false },
      {},
    );
    expect(error).toMatchObject({ exceptionClass: className, serverMessage: 't,,1. is closing' });
    expect(error.message).not.toContain('D.java');
  });
});

describe('retryRule', () => {
  it('repeats by itself only what was not done', () => {
    expect(retryRule('REGION_UNAVAILABLE')).toEqual({ repeat: 'always', relocate: true });
    expect(retryRule('OVERLOADED').repeat).toBe('always');
    for (const code of ['ATTEMPT_TIMEOUT', 'CONNECTION_LOST', 'OUTCOME_UNKNOWN'] as const) {
      expect(retryRule(code).repeat).toBe('if-idempotent');
    }
    for (const code of ['REFUSED', 'TABLE_NOT_FOUND', 'DEADLINE_EXCEEDED', 'CLOSED', 'ABORTED'] as const) {
      expect(retryRule(code).repeat).toBe('never');
    }
  });
});

describe('backoffMs', () => {
  it('doubles to its maximum, between half and the whole', () => {
    const waits = (random: number) =>
      [1, 2, 3, 4, 40, 2_000].map((failures) =>
        backoffMs(failures, { firstMs: 20, maxMs: 100, random: () => random }),
      );
    expect(waits(0)).toEqual([10, 20, 40, 50, 50, 50]);
    expect(waits(1)).toEqual([20, 40, 80, 100, 100, 100]);
  });
});

describe('64-bit halves', () => {
  it.each([0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])(
    'carry %d there and back',
    (value) => {
      expect(bigintOf(halvesOf(value))).toBe(value);
    },
  );
});
