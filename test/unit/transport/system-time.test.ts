import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SystemClock, SystemTimers } from '../../../src/transport/system-time.ts';

describe('SystemClock', () => {
  it('gives one time within a turn, however long the turn takes', () => {
    const clock = new SystemClock();
    const first = clock.nowMs();
    const until = Date.now() + 5;
    while (Date.now() < until);
    expect(clock.nowMs()).toBe(first);
  });

  it('is never older than the turn in which it is asked, after any kind of wait', async () => {
    const clock = new SystemClock();
    clock.nowMs();
    await new Promise<void>((resolve) => new SystemTimers().after(20, resolve));
    const before = Date.now();
    expect(clock.nowMs()).toBeGreaterThanOrEqual(before);

    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1000);
    server.close();
  });
});
