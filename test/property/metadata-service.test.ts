/**
 * Several instances of the metadata service on one log and one snapshot, with shares that change, overlap and leave gaps, killed
 * between any two steps, in front of stores that fail: snapshot plus tail is at every moment the fold of the whole log, and in the
 * end the snapshot alone is. The log has everything that brokers write too late.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MemorySnapshotStore } from '../../src/adapters/memory/memory-snapshot-store.ts';
import type { Offset } from '../../src/event-log/event-log.ts';
import { encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { MetadataService } from '../../src/metadata/metadata-service.ts';
import { SessionFold } from '../../src/metadata/session-fold.ts';
import type { SessionEvent } from '../../src/session/events.ts';
import { DEFAULT_TENANT, type ClientId, type SessionId } from '../../src/tenancy/identity.ts';
import { ManualShare } from '../support/manual-share.ts';
import { foldFrom, ReferenceFold, statement, type FoldedState } from '../support/reference-fold.ts';
import { seededRandom } from '../support/seeded-random.ts';
import {
  closedSession,
  OTHER_OWNER,
  OWNER,
  sessionState,
  subscription,
} from '../support/simulated-session.ts';
import { ProcessLife, weatheredLog, weatheredSnapshot } from '../support/simulated-stores.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const PARTITIONS = 3;
const INSTANCES = 2;
const clients = ['bike-1', 'bike-2', 'bike-3', 'bike-4'] as ClientId[];
const clientId = fc.constantFrom(...clients);
const filter = fc.constantFrom('a', 'b');
const owner = fc.constantFrom(OWNER, OTHER_OWNER, { ...OWNER, connection: 2 });

const sessionId = fc.constantFrom(1 as SessionId, 2 as SessionId);
const openedAtMs = fc.constantFrom(1_000, 2_000, 3_000);

/** Any event at any place: all of what brokers write late, and more. */
const event: fc.Arbitrary<SessionEvent> = fc.oneof(
  fc
    .tuple(fc.record({ owner, clientId, sessionId, openedAtMs }), fc.boolean())
    .map(([changes, restated]) => ({
      type: 'SessionOpened' as const,
      state: sessionState(changes),
      ...(restated && { restated }),
    })),
  fc.record({
    type: fc.constant('SessionClosed' as const),
    state: fc
      .record({ closedOwner: owner, clientId, sessionId, openedAtMs })
      .map((changes) => closedSession(5_000, { ...changes, owner: undefined })),
  }),
  fc.record({
    type: fc.constant('SessionEnded' as const),
    tenant: fc.constant(DEFAULT_TENANT),
    clientId,
    reason: fc.constant('expired' as const),
    lastOwner: fc.option(owner, { nil: undefined }),
    lastOpenedAtMs: openedAtMs,
  }),
  fc.tuple(filter, fc.record({ clientId, sessionId })).map(([of, changes]) => ({
    type: 'Subscribed' as const,
    subscription: subscription(of, changes),
  })),
  fc.record({
    type: fc.constant('Unsubscribed' as const),
    tenant: fc.constant(DEFAULT_TENANT),
    clientId,
    filter,
    sessionId: fc.option(sessionId, { nil: undefined }),
  }),
);

type Step =
  | { readonly do: 'append'; readonly events: readonly SessionEvent[] }
  | { readonly do: 'share'; readonly instance: number; readonly partitions: readonly number[] }
  | { readonly do: 'kill'; readonly instance: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'check' | 'compact' };

const instance = fc.nat({ max: INSTANCES - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      events: fc.array(event, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('share' as const),
      instance,
      partitions: fc.subarray(Array.from({ length: PARTITIONS }, (_, partition) => partition)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), instance }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('check' as const, 'compact' as const) }) },
);
const history = fc.record({
  steps: fc.array(step, { maxLength: 40, size: 'max' }),
  seed: fc.nat(),
  failureRate: fc.constantFrom(0, 0.2),
});

interface Instance {
  readonly life: ProcessLife;
  readonly share: ManualShare;
  readonly service: Promise<MetadataService>;
}

class World {
  readonly time = new SimulatedTime();
  readonly log = new MemoryEventLog(PARTITIONS);
  readonly snapshot = new MemorySnapshotStore();
  readonly truth = new ReferenceFold();
  readonly #random: () => number;
  readonly #failureRate: number;
  readonly #instances: Instance[] = [];

  constructor(seed: number, failureRate: number) {
    this.#random = seededRandom(seed);
    this.#failureRate = failureRate;
  }

  async start(): Promise<void> {
    for (let index = 0; index < INSTANCES; index++) this.#instances[index] = this.#instance([index]);
    await this.time.advance(20);
  }

  async run(each: Step): Promise<void> {
    switch (each.do) {
      case 'append':
        for (const one of each.events) await this.#append(one);
        return;
      case 'share':
        this.#instances[each.instance]?.share.assign(each.partitions);
        return;
      case 'kill':
        this.#kill(each.instance);
        return;
      case 'wait':
        await this.time.advance(each.ms);
        return;
      case 'check':
        expect(await foldFrom(this.log, this.snapshot)).toEqual(this.truth.state);
        return;
      case 'compact':
        await this.#compact();
        return;
    }
  }

  /** Brings everything up to date and reads nothing but the snapshot. */
  async end(): Promise<FoldedState> {
    for (let index = 0; index < INSTANCES; index++) this.#kill(index, [0, 1, 2]);
    await this.#upToDate();
    return await foldFrom(new MemoryEventLog(PARTITIONS), this.snapshot);
  }

  /** What overruled a late record is stated again, as brokers do, or compaction would leave the late one as the last word. */
  async #append(one: SessionEvent): Promise<void> {
    const record = encodeSessionEvent(one, this.time.nowMs());
    const [position] = await this.log.append([record]);
    if (position === undefined || this.truth.apply({ ...record, ...position })) return;
    const overruling = this.truth.state.get(record.key)?.value;
    if (overruling !== undefined) await this.#append(statement(overruling));
  }

  /** Nothing may be forgotten before every instance has seen it: Kafka keeps tombstones for days. */
  async #compact(): Promise<void> {
    await this.#upToDate();
    const whole = this.#instance([0, 1, 2]);
    await this.#passing(whole.service.then((service) => service.flush()));
    whole.life.alive = false;
    this.log.compact();
  }

  async #upToDate(): Promise<void> {
    for (const { service } of this.#instances) {
      await this.#passing(service.then((started) => started.flush()));
    }
  }

  #kill(index: number, partitions?: readonly number[]): void {
    const before = this.#instances[index];
    if (before === undefined) return;
    before.life.alive = false;
    this.#instances[index] = this.#instance(partitions ?? [index]);
  }

  #instance(partitions: readonly number[]): Instance {
    const life = new ProcessLife(this.time);
    const weather = { random: this.#random, failureRate: this.#failureRate, latencyMaxMs: 4 };
    const share = new ManualShare(partitions);
    const service = MetadataService.start({
      log: weatheredLog(this.log, life, weather),
      snapshot: weatheredSnapshot(this.snapshot, life, weather),
      fold: new SessionFold(),
      share,
      clock: life,
      timers: life,
      checkpointRecords: 5,
      checkpointIntervalMs: 20,
    });
    return { life, share, service };
  }

  /** Lets time pass until it has happened. */
  async #passing<T>(work: Promise<T>): Promise<T> {
    const state = { ended: false };
    const ending = work.finally(() => (state.ended = true));
    while (!state.ended) await this.time.advance(10);
    return await ending;
  }
}

test('snapshot and tail are the fold of the whole log, whatever happens to whom', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, seed, failureRate }) => {
      const world = new World(seed, failureRate);
      await world.start();
      for (const each of steps) await world.run(each);
      expect(await foldFrom(world.log, world.snapshot)).toEqual(world.truth.state);
      expect(await world.end()).toEqual(world.truth.state);
    }),
    { numRuns: 150 },
  );
}, 120_000);

test('a batch may be cut anywhere', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 30, size: 'max' }),
      fc.array(fc.nat({ max: 30 }), { maxLength: 5 }),
      (events, cuts) => {
        const entries = events.map((each, offset) => ({
          ...encodeSessionEvent(each, 1),
          partition: 0,
          offset: offset as Offset,
        }));
        const truth = new ReferenceFold();
        const expected = entries.filter((entry) => truth.apply(entry));
        const fold = new SessionFold();
        const borders = [0, ...cuts.toSorted((a, b) => a - b), entries.length];
        const rows = borders.flatMap((from, index) =>
          fold.fold(entries.slice(from, borders[index + 1] ?? from)),
        );
        expect(rows).toEqual(expected);
      },
    ),
    { numRuns: 300 },
  );
});
