/**
 * The test that matters: however a history of commands goes, and wherever snapshots, compactions and restarts
 * fall, fold(snapshot + tail) = fold(whole log) = fold(compacted log) = the registry of the running broker.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryDurableQueue } from '../../src/adapters/memory/memory-durable-queue.ts';
import { MemoryEventLog } from '../../src/adapters/memory/memory-event-log.ts';
import { MemorySessionIds } from '../../src/adapters/memory/memory-session-ids.ts';
import { MemorySnapshotStore } from '../../src/adapters/memory/memory-snapshot-store.ts';
import { TenantBroker } from '../../src/broker/tenant-broker.ts';
import type { EventLog, LogFollower } from '../../src/event-log/event-log.ts';
import { decodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { bootstrap } from '../../src/metadata/bootstrap.ts';
import { MetadataService } from '../../src/metadata/metadata-service.ts';
import { SessionFold } from '../../src/metadata/session-fold.ts';
import type { SnapshotStore } from '../../src/metadata/snapshot-store.ts';
import type { Will } from '../../src/session/events.ts';
import { SessionRegistry } from '../../src/session/session-registry.ts';
import { DEFAULT_TENANT, incarnation, type ClientId } from '../../src/tenancy/identity.ts';
import { SIMULATED_LIMITS } from '../support/simulated-limits.ts';
import { simulatedServices } from '../support/simulated-services.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const clients = ['bike-1', 'bike-2'] as ClientId[];
const filters = ['a', 'a/+', '$share/g/a'];
const filter = fc.constantFrom(...filters);
const client = fc.constantFrom(...clients);
const seconds = fc.constantFrom(0, 2, 3600, 3600);

type Step =
  | {
      readonly do: 'open';
      readonly client: ClientId;
      readonly clean: boolean;
      readonly expiryS: number;
      readonly willDelayS: number | undefined;
    }
  | {
      readonly do: 'close';
      readonly client: ClientId;
      readonly will: boolean;
      readonly expiryS: number | undefined;
    }
  | {
      readonly do: 'subscribe' | 'unsubscribe';
      readonly client: ClientId;
      readonly filter: string;
      readonly qos: 0 | 1 | 2;
    }
  | { readonly do: 'end'; readonly client: ClientId }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'snapshot' | 'compact' | 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      client,
      clean: fc.boolean(),
      expiryS: seconds,
      willDelayS: fc.option(seconds, { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('close' as const),
      client,
      will: fc.boolean(),
      expiryS: fc.option(seconds, { nil: undefined }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('subscribe' as const, 'subscribe' as const, 'unsubscribe' as const),
      client,
      filter,
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 4_000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('snapshot' as const, 'compact' as const, 'restart' as const),
    }),
  },
);

/** Long ones, so that clients come back to what they left. */
const history = fc.array(step, { maxLength: 40, size: 'max' });

/** Everything a fold knows, without the order in which it learned it. */
function stateOf(registry: SessionRegistry): unknown {
  return [...registry.entries()]
    .map(({ clientId, session, subscriptions }) => ({
      clientId,
      session,
      subscriptions: [...subscriptions].sort(([a], [b]) => (a < b ? -1 : 1)),
    }))
    .sort((a, b) => (a.clientId < b.clientId ? -1 : 1));
}

async function foldOf(log: EventLog, snapshot: SnapshotStore): Promise<unknown> {
  const ignore = () => undefined;
  const registry = new SessionRegistry(DEFAULT_TENANT, {
    sessionChanged: ignore,
    overruled: ignore,
    subscriptionOverruled: ignore,
    subscribed: ignore,
    unsubscribed: ignore,
  });
  const { follower } = await bootstrap({
    log,
    snapshot,
    clock: new SimulatedTime(),
    apply: (row) => {
      registry.apply(decodeSessionEvent(row), row.offset);
    },
  });
  await follower.stop();
  return stateOf(registry);
}

class History {
  readonly time = new SimulatedTime();
  readonly log = new MemoryEventLog();
  /** The same records, never compacted. */
  readonly whole = new MemoryEventLog();
  readonly snapshot = new MemorySnapshotStore();
  readonly #queues = new MemoryDurableQueue(SIMULATED_LIMITS.durableQueue);
  readonly #ids = new MemorySessionIds();
  #broker: TenantBroker | undefined;
  #follower: LogFollower | undefined;
  #metadata: MetadataService | undefined;
  #starts = 0;
  #connections = 0;

  get broker(): TenantBroker {
    if (this.#broker === undefined) throw new Error('the history has not started');
    return this.#broker;
  }

  async start(): Promise<void> {
    // The broker before hears nothing more, but its timers go on: what it writes late must not count.
    await this.#metadata?.stop();
    await this.#follower?.stop();
    if (this.#starts === 0) {
      await this.log.follow([], (entries) => void this.whole.append(entries));
    }
    const broker = new TenantBroker(
      DEFAULT_TENANT,
      simulatedServices({
        time: this.time,
        incarnation: incarnation('history', ++this.#starts),
        sessionLog: this.log,
        retainedLog: new MemoryEventLog(),
        store: this.#queues,
        sessionIds: this.#ids,
      }),
    );
    this.#broker = broker;
    const { follower } = await bootstrap({
      log: this.log,
      snapshot: this.snapshot,
      clock: this.time,
      apply: (row) => {
        broker.registry.apply(decodeSessionEvent(row), row.offset);
      },
    });
    this.#follower = follower;
    this.#metadata = await MetadataService.start({
      log: this.log,
      snapshot: this.snapshot,
      fold: new SessionFold(),
      clock: this.time,
      timers: this.time,
      checkpointIntervalMs: 1_500,
    });
    await this.settled(broker.orphans.closeAll());
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'open':
        await this.#open(step);
        return;
      case 'close': {
        const owner = this.broker.registry.get(step.client)?.session?.value.owner;
        if (owner === undefined) return;
        const ending = {
          owner,
          reason: 'connectionLost' as const,
          publishWill: step.will,
          sentThrough: undefined,
        };
        await this.settled(
          this.broker.lifecycle.close(step.client, { ...ending, sessionExpiryS: step.expiryS }),
        );
        return;
      }
      case 'subscribe':
      case 'unsubscribe':
        await this.#subscribe(step);
        return;
      case 'end':
        await this.settled(this.broker.lifecycle.end(step.client, 'administrative'));
        return;
      case 'wait':
        await this.time.advance(step.ms);
        return;
      case 'snapshot':
        await this.#metadata?.flush();
        return;
      case 'compact':
        await this.#metadata?.flush();
        this.log.compact();
        return;
      case 'restart':
        await this.start();
        return;
    }
  }

  /** Lets no time pass, but everything else that the command waits for. */
  async settled(command: Promise<unknown>): Promise<void> {
    const state = { ended: false };
    const ended = command.finally(() => (state.ended = true));
    while (!state.ended) await this.time.settle();
    await ended;
  }

  async #open({
    client: clientId,
    clean,
    expiryS,
    willDelayS,
  }: Extract<Step, { do: 'open' }>): Promise<void> {
    const { lifecycle, tenant, services } = this.broker;
    const request = {
      tenant,
      clientId,
      clientName: '',
      verified: false,
      level: 5 as const,
      owner: { incarnation: services.incarnation, connection: ++this.#connections },
      cleanStart: clean,
      sessionExpiryS: expiryS,
      will: willDelayS === undefined ? undefined : willOf(willDelayS),
      address: '127.0.0.1',
      isGone: () => false,
    };
    await this.settled(lifecycle.open(request, () => Promise.resolve()));
  }

  async #subscribe(step: Extract<Step, { filter: string }>): Promise<void> {
    const session = this.broker.registry.get(step.client)?.session?.value;
    if (session?.owner === undefined || session.sessionExpiryS === 0) return;
    const subscription = {
      tenant: session.tenant,
      clientId: step.client,
      sessionId: session.sessionId,
      filter: step.filter,
      qos: step.qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
      subscriptionId: undefined,
    };
    await this.settled(
      step.do === 'subscribe'
        ? this.broker.lifecycle.subscribe(step.client, [subscription])
        : this.broker.lifecycle.unsubscribe(step.client, [step.filter]),
    );
  }
}

function willOf(delayS: number): Will {
  return {
    topic: 'a',
    payload: Buffer.from('gone'),
    qos: 1,
    retain: false,
    delayS,
    messageExpiryS: undefined,
    properties: Buffer.alloc(0),
  };
}

const bike = (step: { readonly do: string }): Step => ({ client: 'bike-1' as ClientId, ...step }) as Step;
const opened = (expiryS: number, changes: object = {}): Step =>
  bike({ do: 'open', ...{ clean: false, expiryS, willDelayS: undefined, ...changes } });
const closed = (changes: object = {}): Step =>
  bike({ do: 'close', ...{ will: false, expiryS: undefined, ...changes } });

/** Histories that have failed. */
const EXAMPLES: [Step[]][] = [
  // An earlier run lets the session expire that the next one has had since; nobody but the present run can say so.
  [[opened(0), closed({ expiryS: 2 }), { do: 'restart' }, opened(3600), { do: 'restart' }, wait(2000)]],
  // An earlier run publishes its will late: its connection began in the same millisecond as that of the next one.
  [
    [
      opened(0, { willDelayS: 2 }),
      closed({ will: true, expiryS: 3600 }),
      { do: 'restart' },
      opened(3600, { clean: true }),
      bike({ do: 'subscribe', ...{ filter: 'a', qos: 0 } }),
      closed(),
      wait(2000),
    ],
  ],
];

function wait(ms: number): Step {
  return { do: 'wait', ms };
}

test('every way to the state leads to the same state', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const past = new History();
      await past.start();
      for (const each of steps) await past.run(each);
      await past.time.settle();
      const live = stateOf(past.broker.registry);
      expect(await foldOf(past.whole, new MemorySnapshotStore())).toEqual(live);
      expect(await foldOf(past.log, past.snapshot)).toEqual(live);
      past.whole.compact();
      expect(await foldOf(past.whole, new MemorySnapshotStore())).toEqual(live);
    }),
    { numRuns: 150, examples: EXAMPLES },
  );
});

test('nothing of a client without a session stays on record', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const past = new History();
      await past.start();
      for (const each of steps) await past.run(each);
      for (const { clientId, session, subscriptions } of past.broker.registry.entries()) {
        expect(session, `${clientId} has ${subscriptions.size} subscriptions`).toBeDefined();
        for (const { value } of subscriptions.values()) {
          expect(value.sessionId).toBe(session?.value.sessionId);
        }
      }
    }),
    { numRuns: 150, examples: EXAMPLES },
  );
});
