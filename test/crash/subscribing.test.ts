/** Subscriptions come and go and change their QoS; crashes come at random moments in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import type { QoS } from '../../src/mqtt/qos.ts';
import { CRASH_TEST_TIMEOUT_MS } from './support/crash-rig.ts';
import { CRASHES } from './support/crashes.ts';
import type { Device } from './support/device.ts';

const SESSIONS = 4;
const GAP_MS_MAX = 300;
const MARKER_DEADLINE_MS = 20_000;
const MARKER_POLL_MS = 5;

/** What a session may have: a subscription with this QoS, or none. */
type Granted = QoS | 'none';

const CHOICES: readonly [Granted, ...Granted[]] = ['none', 0, 1, 2];
const FILTERS: readonly { readonly filter: string; readonly topic: string }[] = [
  { filter: 'churn/plain', topic: 'churn/plain' },
  { filter: 'churn/one/+', topic: 'churn/one/x' },
  { filter: 'churn/many/#', topic: 'churn/many/x/y' },
];

/** A subscription under change, and what the broker may hold of it. */
class Churned {
  readonly device: Device;
  readonly filter: string;
  readonly topic: string;
  /** One value once a request was acknowledged; more while an unanswered request may or may not have happened. */
  possible = new Set<Granted>(['none']);

  constructor(device: Device, filter: string, topic: string) {
    this.device = device;
    this.filter = filter;
    this.topic = topic;
  }

  async change(random: SeededRandom, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wanted = random.pick(CHOICES);
      this.possible.add(wanted);
      const acknowledged =
        wanted === 'none'
          ? await this.device.unsubscribe(this.filter)
          : await this.device.subscribe(this.filter, wanted);
      if (!acknowledged) return;
      this.possible = new Set([wanted]);
    }
  }
}

for (const crash of CRASHES) {
  describe(`a broker that ${crash.dies} while clients subscribe and unsubscribe`, () => {
    it('has exactly the subscriptions it acknowledged', { timeout: CRASH_TEST_TIMEOUT_MS }, async () => {
      const rig = await crash.rig('subscribing');
      const probe = await rig.device('probe', { level: 5 });
      const devices: Device[] = [];
      for (let index = 0; index < SESSIONS; index++) {
        const device = await rig.device(`session-${index}`, { level: index % 2 === 0 ? 4 : 5 });
        await device.subscribed(markerTopic(device));
        devices.push(device);
      }
      const churned = devices.flatMap((device) =>
        FILTERS.map(({ filter, topic }) => new Churned(device, filter, topic)),
      );
      for (let round = 1; round <= crash.times; round++) {
        const over = new AbortController();
        const churning = churned.map((each) =>
          each.change(rig.random.fork(`${each.filter} ${round}`), over.signal),
        );
        await sleep(rig.random.between(0, GAP_MS_MAX));
        await rig.victim.kill();
        over.abort();
        await rig.restart();
        await Promise.all(churning);
        await rig.settle();
        const seen = await probeSubscriptions(probe, devices, round);
        for (const { device, filter, topic, possible } of churned) {
          const granted = seen.get(`${device.clientId} ${topic}`) ?? 'none';
          expect([...possible], `round ${round}: ${device.clientId} to ${filter}`).toContain(granted);
        }
      }
    });
  });
}

/** By device and topic, the QoS with which a QoS 2 message published now arrives. */
async function probeSubscriptions(
  probe: Device,
  devices: readonly Device[],
  round: number,
): Promise<ReadonlyMap<string, QoS>> {
  const seen = new Map<string, QoS>();
  const unmarked = new Set(devices.map((device) => device.clientId));
  for (const device of devices) {
    device.onMessage = (topic, payload, packet) => {
      if (payload !== String(round)) return;
      if (topic === markerTopic(device)) unmarked.delete(device.clientId);
      else seen.set(`${device.clientId} ${topic}`, packet.qos);
    };
  }
  for (const { topic } of FILTERS) await probe.publish(topic, String(round), 2);
  // The queue of a session keeps its order: what has not come before the marker does not come.
  for (const device of devices) await probe.publish(markerTopic(device), String(round), 2);
  const deadlineMs = performance.now() + MARKER_DEADLINE_MS;
  while (unmarked.size > 0) {
    if (performance.now() > deadlineMs) expect.fail(`no marker reached ${[...unmarked].join(', ')}`);
    await sleep(MARKER_POLL_MS);
  }
  return seen;
}

function markerTopic(device: Device): string {
  return `marker/${device.clientId}`;
}
