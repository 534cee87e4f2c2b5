/** The take-over matrix as tests: all cases run side by side on the same brokers, and each is reported by its name. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RawClient } from '../../support/raw-client.ts';
import type { RunningBroker } from '../../support/running-broker.ts';
import { publish, subscribe } from './exchanges.ts';
import { problemsOf, TAKE_OVERS, type Observed, type TakeOverCase } from './take-over-case.ts';
import { TakeOver, type TakeOverPlaces } from './take-over.ts';
import { ClientState } from './client-state.ts';
import { MQTT_5, newClientId, persistent } from './versions.ts';

const AT_A_TIME = 24;
const RUN_MS_MAX = 110_000;
const POLL_MS = 20;

interface Run {
  readonly topics: string;
  readonly outcome: PromiseSettledResult<Observed>;
}

/** `places` is asked once the brokers run. */
export function describeTakeOvers(places: () => TakeOverPlaces): void {
  const runs = new Map<string, Run>();
  let witness: Witness;

  beforeAll(async () => {
    witness = await Witness.start(places());
    const waiting = [...TAKE_OVERS];
    const worker = async (): Promise<void> => {
      for (let take = waiting.shift(); take !== undefined; take = waiting.shift())
        runs.set(take.name, await runOne(take, places()));
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    await witness.finish();
  }, RUN_MS_MAX);

  describe('a take-over', () => {
    // Not `it.each`, which cuts names of this length short.
    for (const take of TAKE_OVERS) {
      it(take.name, () => {
        const run = runs.get(take.name);
        if (run?.outcome.status !== 'fulfilled') throw run?.outcome.reason ?? new Error('did not run');
        const seen = (topic: string, payload: string) => witness.times(`${run.topics}/${topic}`, payload);
        expect(problemsOf(take, run.outcome.value, seen)).toEqual([]);
      });
    }
  });
}

async function runOne(take: TakeOverCase, places: TakeOverPlaces): Promise<Run> {
  const clientId = newClientId('taken-over');
  const topics = `${ROOT}/${clientId}`;
  const [outcome] = await Promise.allSettled([new TakeOver(take, places, clientId, topics).run()]);
  return { topics, outcome };
}

const ROOT = 'take-over';

/** Gets, exactly once, what all these clients publish, and their wills. */
class Witness {
  readonly #places: TakeOverPlaces;
  readonly #client: RawClient;
  readonly #counts = new Map<string, number>();
  readonly #listening: Promise<void>;

  static async start(places: TakeOverPlaces): Promise<Witness> {
    const clientId = newClientId('witness');
    const { client } = await places.first.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic: `${ROOT}/+/out`, qos: 2 }, { topic: `${ROOT}/+/will`, qos: 2 });
    while ((await filtersAt(places.second, clientId)) < 2) await sleep(POLL_MS);
    return new Witness(places, client);
  }

  private constructor(places: TakeOverPlaces, client: RawClient) {
    this.#places = places;
    this.#client = client;
    this.#listening = this.#listen();
  }

  times(topic: string, payload: string): number {
    return this.#counts.get(`${topic} ${payload}`) ?? 0;
  }

  /** Resolves when everything has come that was published so far. */
  async finish(): Promise<void> {
    const { client } = await this.#places.first.connect(MQTT_5, { clientId: newClientId('finisher') });
    await publish(client, { topic: `${ROOT}/end/out`, qos: 1 });
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const state = new ClientState();
    while (this.times(`${ROOT}/end/out`, 'hello') === 0) {
      const packet = await this.#client.next(RUN_MS_MAX);
      const before = state.taken.length;
      const answer = state.receives(packet);
      if (packet.cmd === 'publish' && state.taken.length > before) {
        const key = `${packet.topic} ${packet.payload.toString()}`;
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      }
      if (answer !== undefined) this.#client.send(answer);
    }
  }
}

/** How many subscriptions a broker knows of the client. */
async function filtersAt(broker: RunningBroker, clientId: string): Promise<number> {
  const response = await broker.admin(`/api/v1/session?client=${clientId}`);
  if (response.status === 404) return 0;
  const { subscriptions } = (await response.json()) as { readonly subscriptions: readonly unknown[] };
  return subscriptions.length;
}
