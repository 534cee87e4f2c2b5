import { describe, expect, it } from 'vitest';
import { RefusalLog } from '../../../src/app/refusal-log.ts';
import type { RefusedProxy } from '../../../src/transport/proxy-refusal.ts';

const REFUSED: RefusedProxy = {
  reason: 'missing',
  detail: 'the connection did not begin with a PROXY header',
  address: '203.0.113.7',
  listener: 'tcp 127.0.0.1:1883',
};

describe('the log of refused connections', () => {
  const lines: [string, object][] = [];
  let nowMs = 0;
  const log = new RefusalLog(
    {
      warn: (fields: object) => lines.push(['warn', fields]),
      debug: (fields: object) => lines.push(['debug', fields]),
    },
    { nowMs: () => nowMs },
  );

  it('has the first ones in full, then how many more there were', () => {
    for (let count = 0; count < 1_000; count++) log.proxyRefused(REFUSED);
    expect(lines).toHaveLength(10);
    expect(lines[0]).toEqual(['warn', REFUSED]);
    nowMs += 10_000;
    log.proxyRefused(REFUSED);
    expect(lines.slice(10)).toEqual([
      ['warn', { connections: 990 }],
      ['warn', REFUSED],
    ]);
  });

  it('tells of health checks to who wants every detail', () => {
    lines.length = 0;
    log.proxyRefused({ ...REFUSED, reason: 'closed' });
    expect(lines).toEqual([['debug', { ...REFUSED, reason: 'closed' }]]);
  });
});
