/** Clients are held back and let go on, by their own rates and by their tenant's, and by limits that become others. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Counters } from '../../../src/metrics/counters.ts';
import type { MeteredLink } from '../../../src/quota/client-quota.ts';
import type { TenantLimits } from '../../../src/quota/tenant-limits.ts';
import { TenantQuota } from '../../../src/quota/tenant-quota.ts';
import { DEFAULT_TENANT, type ClientId } from '../../../src/tenancy/identity.ts';
import { ManualTimers } from '../../support/manual-timers.ts';
import { SIMULATED_LIMITS } from '../../support/simulated-limits.ts';

const BIKE = 'bike' as ClientId;
const CAR = 'car' as ClientId;

class FakeLink implements MeteredLink {
  bytesReceived = 0;
  bytesSent = 0;
  isRead = true;

  pauseReading(): void {
    this.isRead = false;
  }

  resumeReading(): void {
    this.isRead = true;
  }
}

let timers: ManualTimers;
let counters: Counters;
let limits: TenantLimits;
let quota: TenantQuota;
let told: string[];

beforeEach(() => {
  timers = new ManualTimers();
  counters = new Counters();
  limits = {};
  told = [];
  quota = new TenantQuota({
    tenant: DEFAULT_TENANT,
    limits: SIMULATED_LIMITS,
    configured: undefined,
    overrides: () => limits,
    clock: timers,
    timers,
    counters,
    audit: {
      note: (note) => {
        if (note.kind === 'quotaExceeded') told.push(`${note.quota} ${note.clientId ?? ''} ${note.limit}`);
      },
    },
  });
});

function limited(to: TenantLimits): void {
  limits = to;
  quota.changed();
}

describe('a client above a rate', () => {
  test('is read no further until its bucket has something again, and then on', () => {
    limited({ client: { publishRateMax: 10 } });
    const link = new FakeLink();
    const client = quota.clientOf(link, BIKE);
    for (let sent = 0; sent < 9; sent++) client.received(true);
    expect(link.isRead).toBe(true);
    client.received(true);
    expect(link.isRead).toBe(false);
    expect(quota.readingHeld).toBe(1);
    expect(told).toEqual(['client.publishRateMax bike 10']);
    timers.advance(80);
    expect(link.isRead).toBe(false);
    timers.advance(40);
    expect(link.isRead).toBe(true);
    expect(quota.readingHeld).toBe(0);
    expect(timers.count).toBe(0);
  });

  test('pays for every byte of every packet', () => {
    limited({ client: { bytesInRateMax: 1_000 } });
    const link = new FakeLink();
    const client = quota.clientOf(link, BIKE);
    link.bytesReceived += 3_000;
    client.received(false);
    expect(link.isRead).toBe(false);
    timers.advance(1_980);
    expect(link.isRead).toBe(false);
    timers.advance(60);
    expect(link.isRead).toBe(true);
  });

  test('of two rates waits for both', () => {
    limited({ client: { publishRateMax: 1, bytesInRateMax: 1_000 } });
    const link = new FakeLink();
    const client = quota.clientOf(link, BIKE);
    link.bytesReceived += 5_000;
    client.received(true);
    timers.advance(1_100);
    expect(link.isRead).toBe(false);
    timers.advance(3_000);
    expect(link.isRead).toBe(true);
  });

  test('gets nothing new meanwhile, and is told when there is room', () => {
    limited({ client: { bytesOutRateMax: 1_000 } });
    const link = new FakeLink();
    const client = quota.clientOf(link, BIKE);
    let wentOn = 0;
    client.follow(() => wentOn++);
    link.bytesSent += 1_500;
    client.sent();
    expect(client.holdsDelivery).toBe(true);
    expect(link.isRead).toBe(true);
    expect(quota.deliveryHeld).toBe(1);
    timers.advance(600);
    expect(client.holdsDelivery).toBe(false);
    expect(wentOn).toBe(1);
  });
});

describe('the rate of a tenant', () => {
  test('is shared by its clients, and those that wait go on in turn', () => {
    limited({ tenant: { publishRateMax: 50 } });
    const links = [new FakeLink(), new FakeLink()] as const;
    const [bike, car] = [quota.clientOf(links[0], BIKE), quota.clientOf(links[1], CAR)];
    for (let sent = 0; sent < 50; sent++) bike.received(true);
    expect(links[0].isRead).toBe(false);
    car.received(true);
    expect(links.map(({ isRead }) => isRead)).toEqual([false, false]);
    expect(told).toEqual(['tenant.publishRateMax  50', 'tenant.publishRateMax  50']);
    timers.advance(40);
    expect(links.map(({ isRead }) => isRead)).toEqual([true, false]);
    timers.advance(20);
    expect(links.map(({ isRead }) => isRead)).toEqual([true, true]);
  });

  test('who ends its connection leaves the line', () => {
    limited({ tenant: { publishRateMax: 1 } });
    const link = new FakeLink();
    const client = quota.clientOf(link, BIKE);
    client.received(true);
    client.end();
    expect(timers.count).toBe(1);
    timers.advance(20);
    expect(timers.count).toBe(0);
  });
});

describe('limits that become others', () => {
  test('hold a client that had none, and let go one that waits', () => {
    const link = new FakeLink();
    const client = quota.clientOf(link, BIKE);
    for (let sent = 0; sent < 1_000; sent++) client.received(true);
    expect(link.isRead).toBe(true);
    limited({ client: { publishRateMax: 1 }, tenant: { publishRateMax: 1 } });
    client.changed();
    client.received(true);
    expect(link.isRead).toBe(false);
    limited({});
    client.changed();
    expect(link.isRead).toBe(true);
    expect(quota.readingHeld).toBe(0);
  });

  test('do not give a burst to who has just had one', () => {
    limited({ client: { publishRateMax: 2 } });
    const link = new FakeLink();
    const client = quota.clientOf(link, BIKE);
    client.received(true);
    client.received(true);
    limited({ client: { publishRateMax: 3 } });
    client.changed();
    client.received(true);
    expect(link.isRead).toBe(false);
  });
});

describe('connections', () => {
  test('above the rate of the client or of the tenant are too many, until there are tokens again', () => {
    limited({ tenant: { connectionRateMax: 3 }, client: { connectionRateMax: 2 } });
    expect(quota.connects(BIKE)).toBeUndefined();
    expect(quota.connects(BIKE)).toBeUndefined();
    expect(quota.connects(BIKE)).toBe('client.connectionRateMax');
    expect(quota.connects(CAR)).toBeUndefined();
    expect(quota.connects(CAR)).toBe('tenant.connectionRateMax');
    expect(counters.quotasExceeded).toEqual(
      new Map([
        ['client.connectionRateMax', 1],
        ['tenant.connectionRateMax', 1],
      ]),
    );
    timers.advance(1_000);
    expect(quota.connects(BIKE)).toBeUndefined();
  });
});
