/**
 * What many subscriptions cost: the rate of subscribing, and the rate of publishing, memory and CPU against the number of
 * subscriptions a broker holds. Eight in ten filters are exact, one has a `+` and one a `#`; every message matches exactly
 * one of them, so a flat line is the ideal.
 */
import type { DriverProcess } from '../driver/driver-process.ts';
import { LatencyHistogram } from '../driver/latency-histogram.ts';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import { PAYLOAD_BYTES } from '../options.ts';
import { interference } from './interference.ts';
import type { Bench, Measurement, Scenario } from './scenario.ts';

const SESSIONS = 200;
const PUBLISHERS = 10;
const FLOWS_MAX = 1000;
const IN_FLIGHT_MAX = 100;
const FILTERS_PER_PACKET = 100;
/** Filters sent to the driver in one call; bounds the size of the message between the processes. */
const FILTERS_PER_CALL = 20_000;
const SUBSCRIBE_TIMEOUT_MS = 120_000;
const GRACE_MS = 5000;
const START_DELAY_MS = 100;

export const subscriptions: Scenario = {
  name: 'subscriptions',
  title: 'Cost against the number of subscriptions (QoS 1, transient sessions)',
  columns: [
    { key: 'subscriptions', title: 'subscriptions', digits: 0 },
    { key: 'subscribeRate', title: 'subscribed/s', digits: 0 },
    { key: 'bytes', title: 'bytes each', digits: 0 },
    { key: 'publishRate', title: 'delivered/s', digits: 0 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'brokerUs', title: 'broker µs/msg', digits: 1 },
  ],
  plots: [
    {
      file: 'subscriptions-publish',
      title: 'Delivered per second against subscriptions held',
      figure: 'publishRate',
      along: 'subscriptions',
    },
    {
      file: 'subscriptions-subscribe',
      title: 'Subscribed per second against subscriptions held',
      figure: 'subscribeRate',
      along: 'subscriptions',
    },
  ],
  variants: ({ scale }) =>
    scale.subscriptionCounts.map((count) => ({
      name: `${count} subscriptions`,
      measure: (bench) => measureSubscriptions(bench, count),
    })),
};

async function measureSubscriptions(bench: Bench, total: number): Promise<Measurement> {
  const [share] = bench.drivers.whole(1);
  if (share === undefined) return { figures: {}, note: 'no driver' };
  const { driver } = share;
  const sessions = Math.min(SESSIONS, total);
  const { port } = bench.broker;
  await driver.call('open', {
    group: 'publishers',
    port,
    clients: clients('pub', PUBLISHERS),
    cleanSession: true,
    qos: 1,
  });
  await driver.call('open', {
    group: 'subscribers',
    port,
    clients: clients('sub', sessions),
    cleanSession: true,
    qos: 1,
  });
  const before = bench.broker.usage();
  const fromMs = monotonicMs();
  const { held, elapsedMs } = await subscribeAll(driver, total, sessions);
  bench.phase({ name: 'subscribe', fromMs, toMs: monotonicMs() });
  const after = bench.broker.usage();
  bench.log(`${held} subscriptions in ${elapsedMs.toFixed(0)} ms`);
  const published = await publish(bench, driver, held);
  return {
    figures: {
      subscriptions: held,
      subscribeRate: (held * 1000) / elapsedMs,
      bytes: (after.residentBytes - before.residentBytes) / held,
      ...published.figures,
    },
    note: [
      ...(held < total ? [`stopped after ${SUBSCRIBE_TIMEOUT_MS / 1000} s`] : []),
      ...published.notes,
    ].join(', '),
  };
}

function clients(role: string, count: number) {
  return Array.from({ length: count }, (_, index) => ({ clientId: `bench-${role}-${index}`, filters: [] }));
}

/** Subscription number n belongs to session n mod sessions. Stops early when it takes too long. */
async function subscribeAll(driver: DriverProcess, total: number, sessions: number) {
  let held = 0;
  let elapsedMs = 0;
  while (held < total && elapsedMs < SUBSCRIBE_TIMEOUT_MS) {
    const end = Math.min(total, held + FILTERS_PER_CALL);
    const filtersByClient: string[][] = Array.from({ length: sessions }, () => []);
    for (let number = held; number < end; number += 1)
      filtersByClient[number % sessions]?.push(filterOf(number));
    const call = {
      group: 'subscribers',
      filtersByClient,
      filtersPerPacket: FILTERS_PER_PACKET,
      qos: 1,
    } as const;
    elapsedMs += (await driver.call('subscribe', call)).elapsedMs;
    held = end;
  }
  return { held, elapsedMs };
}

function filterOf(number: number): string {
  const bike = `bench/fleet/${number % 1000}/${number}`;
  if (number % 10 === 0) return `${bike}/+/state`;
  if (number % 10 === 1) return `${bike}/telemetry/#`;
  return `${bike}/command`;
}

function topicOf(number: number): string {
  const bike = `bench/fleet/${number % 1000}/${number}`;
  if (number % 10 === 0) return `${bike}/lock/state`;
  if (number % 10 === 1) return `${bike}/telemetry/battery`;
  return `${bike}/command`;
}

async function publish(bench: Bench, driver: DriverProcess, held: number) {
  const { scale } = bench.options;
  const flows = Math.min(FLOWS_MAX, held);
  const startMs = monotonicMs() + START_DELAY_MS;
  const fromMs = startMs + scale.warmUpMs;
  const toMs = fromMs + scale.windowMs;
  const [usage, result] = await Promise.all([
    bench.broker.usageBetween(fromMs, toMs),
    driver.call('traffic', {
      run: 1,
      publisherGroup: 'publishers',
      subscriberGroup: 'subscribers',
      expectation: 'one',
      topics: Array.from({ length: flows }, (_, flow) => topicOf(Math.floor((flow * held) / flows))),
      qos: 1,
      payloadBytes: PAYLOAD_BYTES,
      ratePerSecond: undefined,
      inFlightMaxPerPublisher: IN_FLIGHT_MAX,
      messagesMax: undefined,
      startMs,
      warmUpMs: scale.warmUpMs,
      windowMs: scale.windowMs,
      graceMs: GRACE_MS,
    }),
  ]);
  bench.phase({ name: 'publish', fromMs, toMs });
  const publishRate = (result.deliveredInWindow * 1000) / result.windowMs;
  bench.log(`${publishRate.toFixed(0)} delivered/s`);
  return {
    figures: {
      publishRate,
      p99: new LatencyHistogram(result.latencyCounts).percentileMs(99),
      brokerUs: (usage.cpuMs * 1000) / result.deliveredInWindow,
    },
    notes: [
      ...result.failures,
      ...interference(usage, result.driverCpuMs),
      ...(result.lost > 0 ? [`${result.lost} lost`] : []),
    ],
  };
}
