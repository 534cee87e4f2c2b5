/** The compaction job on real Kafka and HBase, beside a broker that goes on. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type OpenedJobStores, openJobStores } from '../../../compaction-job/open-stores.ts';
import { runPass, type PassOptions } from '../../../compaction-job/pass.ts';
import { Progress } from '../../../compaction-job/progress.ts';
import type { Summary } from '../../../compaction-job/summary.ts';
import { configSchema } from '../../../src/app/config-schema.ts';
import { createLogger } from '../../../src/app/logging.ts';
import type { LogRecord } from '../../../src/event-log/event-log.ts';
import { sessionKey } from '../../../src/event-log/record-key.ts';
import { encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import type { SnapshotRow } from '../../../src/metadata/snapshot-store.ts';
import { queueKey } from '../../../src/queue/durable-queue.ts';
import type { SessionEvent, SessionState } from '../../../src/session/events.ts';
import { DEFAULT_TENANT, type ClientId, type SessionId } from '../../../src/tenancy/identity.ts';
import { newCluster } from '../../support/cluster-brokers.ts';
import { type JobFile, jobFile, runJob } from '../../support/compaction-child.ts';
import { RunningBroker, type BrokerSettings } from '../../support/running-broker.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { messageTo, queued } from '../../support/simulated-message.ts';
import { closedSession, sessionState, subscription } from '../../support/simulated-session.ts';
import { disconnect, payloads, publish, subscribe, takeAll } from '../support/exchanges.ts';
import { MQTT_5, newClientId, persistent } from '../support/versions.ts';

const HOUR_MS = 3_600_000;
const EXPIRED = 400;
const ALIVE = 20;
const KILLS = 4;
const KILL_WITHIN_MS = 1_500;

/** One installation, and the job's view of it. */
class Installation {
  readonly settings: BrokerSettings;
  readonly stores: OpenedJobStores;
  readonly file: JobFile;

  private constructor(settings: BrokerSettings, stores: OpenedJobStores, file: JobFile) {
    this.settings = settings;
    this.stores = stores;
    this.file = file;
  }

  static async make(): Promise<Installation> {
    const settings = await newCluster({
      zookeeperQuorum: inject('zookeeperQuorum'),
      kafkaBrokers: inject('kafkaAddress'),
    });
    const config = configSchema.parse(settings);
    const logger = createLogger(
      { level: 'silent', format: 'json' },
      { isTerminal: false, write: () => undefined },
    );
    const stores = await openJobStores(config, logger, { nowMs: () => Date.now() });
    return new Installation(settings, stores, await jobFile(settings));
  }

  async dispose(): Promise<void> {
    await this.stores.close();
    await this.file.remove();
  }

  /** In this process, `laterMs` after now. */
  run(laterMs: number, options: Partial<PassOptions> = {}): Promise<Summary> {
    return runPass({
      stores: this.stores,
      clock: { nowMs: () => Date.now() + laterMs },
      progress: new Progress({ write: () => undefined, monotonicMs: () => performance.now() }),
      graceMs: 60_000,
      tombstoneRetentionMs: 24 * HOUR_MS,
      verify: false,
      repair: false,
      dryRun: false,
      ...options,
    });
  }

  async record(events: readonly SessionEvent[]): Promise<void> {
    await this.stores.sessions.log.append(events.map((event) => encodeSessionEvent(event, Date.now())));
  }

  /** A message in each of these sessions' queues. */
  async queue(sessionIds: readonly number[]): Promise<void> {
    const entry = (id: number) => ({
      queue: queueKey(DEFAULT_TENANT, id as SessionId, 'pending'),
      producer: 'test',
      sequence: 1,
      queued: queued(messageTo('a', `for ${id}`)),
    });
    await this.stores.queues.append(sessionIds.map(entry));
  }

  async queuedSessions(): Promise<readonly number[]> {
    const ids: number[] = [];
    for await (const batch of this.stores.queues.list())
      ids.push(...batch.map(({ queue }) => queue.sessionId));
    return ids.sort((a, b) => a - b);
  }
}

function closedFor(agoMs: number, changes: Partial<SessionState>): readonly SessionEvent[] {
  const openedAtMs = Date.now() - agoMs - 1_000;
  return [
    { type: 'SessionOpened', state: sessionState({ sessionExpiryS: 60, openedAtMs, ...changes }) },
    { type: 'Subscribed', subscription: subscription('a', changes) },
    {
      type: 'SessionClosed',
      state: closedSession(Date.now() - agoMs, { sessionExpiryS: 60, openedAtMs, ...changes }),
    },
  ];
}

describe('beside a broker', () => {
  let made: Installation;
  let broker: RunningBroker;

  beforeAll(async () => {
    made = await Installation.make();
    broker = await RunningBroker.start({ ...made.settings, snapshot: { everyMs: 50 } });
  });

  afterAll(async () => {
    await broker.dispose();
    await made.dispose();
  });

  /** A persistent client that has left, and for whom something waits. */
  async function absent(): Promise<string> {
    const clientId = newClientId('absent');
    const { client } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    await subscribe(client, { topic: `to/${clientId}`, qos: 1 });
    await disconnect(client);
    const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId('sender') });
    await publish(sender, { topic: `to/${clientId}`, qos: 1, payload: clientId });
    await disconnect(sender);
    return clientId;
  }

  it('ends what has expired, drops what is nobody’s, and leaves the rest', async () => {
    const clientId = await absent();
    const { client: connected } = await broker.connect(MQTT_5, {
      clientId: newClientId('connected'),
      ...persistent(MQTT_5),
    });
    await made.queue([1_000_001]);
    expect(await made.queuedSessions()).toHaveLength(2);

    const now = await made.run(0);
    expect(now.sessions).toMatchObject({ expired: 0, connected: 1 });
    expect(now.queues).toMatchObject({ listed: 2, orphanedSessions: 1 });
    expect(await made.queuedSessions()).toHaveLength(1);

    const later = await made.run(2 * HOUR_MS);
    expect(later.sessions).toMatchObject({ expired: 1, ended: 1, resumed: 0 });
    expect(await made.queuedSessions()).toEqual([]);
    expect(await connected.roundTrip()).toEqual([]);
    await disconnect(connected);
    await expect
      .poll(async () => (await broker.admin(`/api/v1/session?client=${clientId}`)).status)
      .toBe(404);
    const { client, connack } = await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) });
    expect(connack.sessionPresent).toBe(false);
    await disconnect(client);
  });

  it('a session that is resumed just before its end keeps its messages', async () => {
    const clientId = await absent();
    const { log } = made.stores.sessions;
    const append = log.append.bind(log);
    const resumed: Awaited<ReturnType<typeof broker.connect>>[] = [];
    log.append = async (records: readonly LogRecord[]) => {
      const isEnd = records.some(
        ({ key, event }) => key.includes(clientId) && event.startsWith('SessionEnded'),
      );
      if (isEnd && resumed.length === 0)
        resumed.push(await broker.connect(MQTT_5, { clientId, ...persistent(MQTT_5) }));
      return append(records);
    };
    const summary = await made.run(2 * HOUR_MS);
    log.append = append;
    expect(summary.sessions.resumed).toBe(1);
    const [{ client, connack }] = resumed as [(typeof resumed)[number]];
    expect(connack.sessionPresent).toBe(true);
    expect(payloads(await takeAll(client, 1))).toEqual([clientId]);
    await disconnect(client);
    expect((await made.run(0)).sessions).toMatchObject({ expired: 0 });
  });

  it('finds rows damaged by hand, and mends them', async () => {
    await absent();
    await absent();
    const { client: sender } = await broker.connect(MQTT_5, { clientId: newClientId('sender') });
    await publish(sender, { topic: 'kept', qos: 1, retain: true, payload: 'kept' });
    await disconnect(sender);
    // Brings the snapshots up to date.
    await broker.stop();
    const { log, snapshot } = made.stores.sessions;
    const clean = await runJob(made.file, ['--verify']);
    expect(clean).toMatchObject({ exitCode: 0, summary: { verification: { differences: 0 } } });

    const rows: SnapshotRow[] = [];
    for await (const batch of snapshot.scan()) rows.push(...batch);
    const [altered, hidden, moved] = rows as [SnapshotRow, SnapshotRow, SnapshotRow];
    await snapshot.write([
      { ...altered, value: Buffer.from('by hand') },
      { ...hidden, value: null, offset: (2 ** 50) as typeof hidden.offset },
      { ...moved, key: `${moved.key}/by hand` },
    ]);
    // A record that was never written down.
    const lost = { clientId: 'lost' as ClientId, sessionId: 3_000_000 as SessionId };
    await made.record([{ type: 'SessionOpened', state: sessionState(lost) }]);
    await snapshot.saveCheckpoint(await log.endOffsets());

    const wrong = await runJob(made.file, ['--verify']);
    expect(wrong.exitCode).toBe(3);
    const found = wrong.summary?.verification;
    expect(found).toMatchObject({ differences: 4, differencesLeft: 4 });
    expect(found?.listed.map(({ key, kind }) => `${kind} ${key}`).sort()).toEqual(
      [
        `altered ${altered.key}`,
        `missing ${hidden.key}`,
        `missing ${sessionKey(DEFAULT_TENANT, lost.clientId)}`,
        `unknown ${moved.key}/by hand`,
      ].sort(),
    );

    expect((await runJob(made.file, ['--repair', '--dry-run'])).exitCode).toBe(3);
    expect(await runJob(made.file, ['--repair'])).toMatchObject({
      exitCode: 0,
      summary: { verification: { differences: 4, differencesLeft: 0 } },
    });
    expect((await runJob(made.file, ['--verify'])).summary?.verification).toMatchObject({ differences: 0 });
    await broker.startAgain();
  });
});

describe('when it is killed', () => {
  it('the next runs, two at once, finish what was begun, while a broker starts', async () => {
    const made = await Installation.make();
    const seed = Number(process.env['SPOKE_TEST_SEED'] ?? Date.now());
    console.info(`kills of the compaction job: seed ${seed}`);
    const random = seededRandom(seed);
    const expired = Array.from({ length: EXPIRED }, (_, index) => index + 1);
    const alive = Array.from({ length: ALIVE }, (_, index) => EXPIRED + index + 1);
    const named = (id: number) => ({ clientId: `bike-${id}` as ClientId, sessionId: id as SessionId });
    await made.record([
      ...expired.flatMap((id) => closedFor(HOUR_MS, named(id))),
      ...alive.flatMap((id) => closedFor(1_000, { ...named(id), sessionExpiryS: 3_600 })),
    ]);
    await made.queue([...expired, ...alive, 2_000_001]);

    for (let kill = 0; kill < KILLS; kill++) {
      const { exitCode } = await runJob(made.file, ['--repair'], Math.floor(random() * KILL_WITHIN_MS));
      // It may have been faster.
      expect([null, 0]).toContain(exitCode);
    }
    const [broker, ...jobs] = await Promise.all([
      RunningBroker.start(made.settings),
      runJob(made.file, ['--repair']),
      runJob(made.file, ['--repair']),
    ]);
    for (const { exitCode, progress } of jobs) expect(exitCode, progress).toBe(0);
    expect(await made.queuedSessions()).toEqual(alive);
    const { client, connack } = await broker.connect(MQTT_5, {
      clientId: `bike-${EXPIRED + 1}`,
      ...persistent(MQTT_5),
    });
    expect(connack.sessionPresent).toBe(true);
    expect(payloads(await takeAll(client, 1))).toEqual([`for ${EXPIRED + 1}`]);
    await disconnect(client);
    const { client: late, connack: answer } = await broker.connect(MQTT_5, { clientId: 'bike-1' });
    expect(answer.sessionPresent).toBe(false);
    await disconnect(late);
    await broker.dispose();
    const { exitCode, summary } = await runJob(made.file, ['--verify']);
    expect({ exitCode, ...summary?.verification }).toMatchObject({ exitCode: 0, differences: 0 });
    expect(summary?.sessions.expired).toBe(0);
    await made.dispose();
  });
});
