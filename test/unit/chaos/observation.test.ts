import { describe, expect, it } from 'vitest';
import { ConnectionLog } from '../../../chaos/observation/connection-log.ts';
import { DelaySeries } from '../../../chaos/observation/delay-series.ts';
import { Experience } from '../../../chaos/observation/experience.ts';
import type { ConnectionEvent } from '../../../src/fleet/fleet-client.ts';

const event = (clientId: string, type: ConnectionEvent['type']): ConnectionEvent => {
  return { type, clientId, connection: 1, address: { host: '127.0.0.1', port: 1, tls: false } };
};

/** Only `flaky` does not count. */
function experienceOf(...connected: readonly string[]): Experience {
  const experience = new Experience((client) => client !== 'flaky');
  for (const client of connected) experience.onConnection(event(client, 'connected'), 0);
  return experience;
}

describe('what clients notice', () => {
  it('is how many lost their connection, and how long the longest was away', () => {
    const experience = experienceOf('one', 'other', 'flaky');
    expect(experience.standing).toBe(2);
    experience.begin();
    for (const client of ['one', 'other', 'flaky']) experience.onConnection(event(client, 'lost'), 100);
    experience.onConnection(event('one', 'connected'), 350);
    expect(experience.noticed(500)).toMatchObject({ clientsDisconnected: 2, longestAwayMs: 400 });
    experience.onConnection(event('other', 'connected'), 600);
    expect(experience.noticed(900)).toMatchObject({ clientsDisconnected: 2, longestAwayMs: 500 });
  });

  it('counts a client once, and attempts that failed not at all', () => {
    const experience = experienceOf('one');
    experience.begin();
    for (const type of ['lost', 'lost', 'connected', 'lost', 'connected'] as const)
      experience.onConnection(event('one', type), 10);
    expect(experience.noticed(20).clientsDisconnected).toBe(1);
  });

  it('is the longest to acknowledgement and receipt, between those that stay connected', () => {
    const experience = experienceOf();
    experience.begin();
    experience.acknowledged('one', 40);
    experience.acknowledged('flaky', 900);
    experience.received('one', 'other', 60);
    experience.received('one', 'flaky', 900);
    experience.received('flaky', 'one', 900);
    expect(experience.noticed(0)).toMatchObject({ longestToAckMs: 40, longestToReceiveMs: 60 });
    experience.begin();
    expect(experience.noticed(0)).toMatchObject({ longestToAckMs: 0, longestToReceiveMs: 0 });
  });
});

describe('delays over time', () => {
  it('stand at the second of publishing', () => {
    const series = new DelaySeries(1_000);
    series.add(3_500, 3_510);
    series.add(3_900, 5_900);
    series.add(1_000, 1_001);
    expect(series.points()).toMatchObject([
      { atS: 0, count: 1, worstMs: 1 },
      { atS: 2, count: 2, worstMs: 2_000 },
    ]);
    expect(series.quantileMs(1)).toBeGreaterThan(1_900);
  });
});

describe('the connection log', () => {
  it('tells what happened in between, of one client', () => {
    const log = new ConnectionLog();
    log.note(event('one', 'connected'), 1);
    log.note(event('other', 'connected'), 2);
    log.note(event('one', 'lost'), 3);
    expect(log.of('one', 2, 4)).toEqual([{ atMs: 3, type: 'lost', connection: 1, address: '127.0.0.1:1' }]);
    expect(log.of('nobody', 0, 9)).toEqual([]);
  });
});
