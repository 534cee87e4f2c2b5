/** Retained messages are set, replaced and cleared; crashes come at random moments in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { SeededRandom } from '../../src/fleet/seeded-random.ts';
import { RawClient } from '../support/raw-client.ts';
import { CRASH_TEST_TIMEOUT_MS } from './support/crash-rig.ts';
import { CRASHES } from './support/crashes.ts';
import type { Device } from './support/device.ts';

const WRITERS = 5;
const GAP_MS_MAX = 300;
const CLEAR_SHARE = 0.2;
/** An empty payload clears the retained message: a topic without one has this value. */
const CLEARED = '';

class RetainedTopic {
  readonly topic: string;
  readonly writer: Device;
  /** The last acknowledged value, and the one that was sent after it and not yet acknowledged. */
  possible: readonly string[] = [CLEARED];
  #written = 0;

  constructor(topic: string, writer: Device) {
    this.topic = topic;
    this.writer = writer;
  }

  async write(random: SeededRandom, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const value = random.chance(CLEAR_SHARE) ? CLEARED : String(++this.#written);
      this.possible = [...this.possible.slice(-1), value];
      await this.writer.publish(this.topic, value, random.chance(0.5) ? 1 : 2, true);
      this.possible = [value];
    }
  }
}

for (const crash of CRASHES) {
  describe(`a broker that ${crash.dies} while retained messages change`, () => {
    it(
      'keeps of each topic the last acknowledged value or a later one',
      { timeout: CRASH_TEST_TIMEOUT_MS },
      async () => {
        const rig = await crash.rig('retained');
        const topics: RetainedTopic[] = [];
        for (let index = 0; index < WRITERS; index++) {
          const writer = await rig.device(`writer-${index}`, { level: index % 2 === 0 ? 4 : 5 });
          topics.push(new RetainedTopic(`retained/${index}`, writer));
        }
        for (let round = 1; round <= crash.times; round++) {
          const over = new AbortController();
          const writing = topics.map((topic) =>
            topic.write(rig.random.fork(`${topic.topic} ${round}`), over.signal),
          );
          await sleep(rig.random.between(0, GAP_MS_MAX));
          await rig.victim.kill();
          over.abort();
          const allowed = new Map(topics.map(({ topic, possible }) => [topic, possible]));
          await rig.restart();
          const found = await readRetained(rig.victim.port, allowed);
          for (const [topic, values] of allowed) {
            expect(values, `round ${round}: ${topic}`).toContain(found.get(topic) ?? CLEARED);
          }
          await Promise.all(writing);
        }
      },
    );
  });
}

/** The retained values a new subscriber gets; waits for every topic that must have one. */
async function readRetained(
  port: number,
  allowed: ReadonlyMap<string, readonly string[]>,
): Promise<ReadonlyMap<string, string>> {
  const { client } = await RawClient.connect({ port }, { clientId: 'reader' });
  client.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: 'retained/#', qos: 0, nl: false, rap: false, rh: 0 }],
  });
  await client.expect('suback');
  const missing = new Set(
    [...allowed].filter(([, values]) => !values.includes(CLEARED)).map(([topic]) => topic),
  );
  const found = new Map<string, string>();
  while (missing.size > 0) take(await client.next());
  for (const packet of await client.roundTrip()) take(packet);
  client.destroy();
  return found;

  function take(packet: Awaited<ReturnType<RawClient['next']>>): void {
    // Writers that have come back publish already: what is not marked as retained is theirs.
    if (packet.cmd !== 'publish' || !packet.retain) return;
    found.set(packet.topic, packet.payload.toString());
    missing.delete(packet.topic);
  }
}
