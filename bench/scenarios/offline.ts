/**
 * Offline queues: how fast QoS 1 messages are accepted for absent persistent sessions, and how fast those sessions get them
 * when all come back at once. What is queued first is what is drained, and every message is accounted for.
 */
import { mergeTraffic } from '../driver/driver-pool.ts';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import { PAYLOAD_BYTES } from '../options.ts';
import { interference } from './interference.ts';
import type { Bench, Measurement, Scenario } from './scenario.ts';

const SESSIONS = 200;
const PUBLISHERS = 50;
const IN_FLIGHT_MAX = 200;
const ACCEPT_WINDOW_MS = 20_000;
const GRACE_MS = 10_000;
const DRAIN_TIMEOUT_MS = 120_000;
const START_DELAY_MS = 100;

export const offline: Scenario = {
  name: 'offline',
  title: `${SESSIONS} offline persistent sessions, QoS 1, 1,024-byte payload`,
  columns: [
    { key: 'acceptRate', title: 'accepted/s', digits: 0 },
    { key: 'acceptUs', title: 'broker µs/accepted', digits: 1 },
    { key: 'drainRate', title: 'drained/s', digits: 0 },
    { key: 'drainUs', title: 'broker µs/drained', digits: 1 },
    { key: 'residentMib', title: 'RSS when full, MiB', digits: 0 },
    { key: 'lost', title: 'lost', digits: 0 },
  ],
  plots: [
    { file: 'offline-accept', title: 'Offline queues: accepted per second', figure: 'acceptRate' },
    { file: 'offline-drain', title: 'Offline queues: drained per second', figure: 'drainRate' },
  ],
  variants: () => [{ name: `${SESSIONS} sessions`, measure: measureOffline }],
};

async function measureOffline(bench: Bench): Promise<Measurement> {
  await createSessions(bench);
  const accept = await fill(bench);
  const drain = await drainAll(bench);
  const notes = [
    ...accept.notes,
    ...drain.notes,
    ...(drain.duplicated > 0 ? [`${drain.duplicated} duplicated`] : []),
    ...(drain.reordered > 0 ? [`${drain.reordered} reordered`] : []),
  ];
  return { figures: { ...accept.figures, ...drain.figures }, note: notes.join(', ') };
}

const topicOf = (index: number): string => `bench/offline/${index}`;
const clientOf = (index: number): string => `bench-offline-${index}`;
const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + index);

async function createSessions({ broker, drivers }: Bench): Promise<void> {
  const { port } = broker;
  for (const { driver, first, count } of drivers.shares(SESSIONS)) {
    const clients = range(first, count).map((index) => ({
      clientId: clientOf(index),
      filters: [topicOf(index)],
    }));
    await driver.call('open', { group: 'sleepers', port, clients, cleanSession: false, qos: 1 });
    await driver.call('close', { group: 'sleepers', port, forget: false });
  }
}

async function fill({ broker, drivers, options, log, phase }: Bench) {
  const { port } = broker;
  const messagesMax = options.scale.offlineMessagesMax;
  const shares = drivers.shares(SESSIONS);
  for (const { driver, part } of shares) {
    const clients = range(0, Math.ceil(PUBLISHERS / shares.length)).map((index) => ({
      clientId: `bench-offline-pub-${part}-${index}`,
      filters: [],
    }));
    await driver.call('open', { group: 'publishers', port, clients, cleanSession: true, qos: 1 });
  }
  const startMs = monotonicMs() + START_DELAY_MS;
  const { result: results, usage } = await broker.usageDuring(() =>
    Promise.all(
      shares.map(({ driver, first, count, fraction }) =>
        driver.call('traffic', {
          run: 1,
          publisherGroup: 'publishers',
          subscriberGroup: undefined,
          expectation: 'own',
          topics: range(first, count).map(topicOf),
          qos: 1,
          payloadBytes: PAYLOAD_BYTES,
          ratePerSecond: undefined,
          inFlightMaxPerPublisher: IN_FLIGHT_MAX,
          messagesMax: Math.floor(messagesMax * fraction),
          startMs,
          warmUpMs: 0,
          windowMs: ACCEPT_WINDOW_MS,
          graceMs: GRACE_MS,
        }),
      ),
    ),
  );
  const result = mergeTraffic(results);
  phase({ name: 'accept', fromMs: startMs, toMs: startMs + result.windowMs });
  const acceptRate = (result.acknowledgedInWindow * 1000) / result.windowMs;
  log(`accepted ${result.acknowledged} at ${acceptRate.toFixed(0)}/s`);
  return {
    figures: {
      acceptRate,
      acceptUs: (usage.cpuMs * 1000) / result.acknowledged,
      residentMib: usage.residentBytes / 2 ** 20,
    },
    notes: [
      ...result.failures,
      ...interference(usage, result.driverCpuMs),
      ...(result.sent > result.acknowledged
        ? [`${result.sent - result.acknowledged} never acknowledged`]
        : []),
    ],
  };
}

async function drainAll({ broker, drivers, log, phase }: Bench) {
  const fromMs = monotonicMs();
  const { result: results, usage } = await broker.usageDuring(() =>
    Promise.all(
      drivers.shares(SESSIONS).map(({ driver, first, count }) =>
        driver.call('drain', {
          group: 'sleepers',
          port: broker.port,
          clients: range(first, count).map((index) => ({ clientId: clientOf(index), filters: [] })),
          cleanSession: false,
          qos: 1,
          timeoutMs: DRAIN_TIMEOUT_MS,
        }),
      ),
    ),
  );
  phase({ name: 'drain', fromMs, toMs: monotonicMs() });
  const sum = (value: (result: (typeof results)[number]) => number): number =>
    results.reduce((total, result) => total + value(result), 0);
  const delivered = sum((result) => result.delivered);
  const elapsedMs = Math.max(...results.map((result) => result.elapsedMs));
  const lost = sum((result) => result.expected) - delivered;
  log(`drained ${delivered} at ${((delivered * 1000) / elapsedMs).toFixed(0)}/s, ${lost} lost`);
  return {
    figures: {
      drainRate: (delivered * 1000) / elapsedMs,
      drainUs: (usage.cpuMs * 1000) / delivered,
      lost,
    },
    duplicated: sum((result) => result.duplicated),
    reordered: sum((result) => result.reordered),
    notes: [
      ...results.flatMap((result) => result.failures),
      ...interference(
        usage,
        sum((result) => result.driverCpuMs),
      ),
    ],
  };
}
