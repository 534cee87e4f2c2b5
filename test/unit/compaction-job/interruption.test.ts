/** A pass that is cut off anywhere, and begun again, leads to where one that was left alone does. */
import { expect, test } from 'vitest';
import type { JobStores, JobTopic } from '../../../compaction-job/stores.ts';
import type { SessionEvent } from '../../../src/session/events.ts';
import type { ClientId, SessionId } from '../../../src/tenancy/identity.ts';
import { CountedLife, Killed } from '../../support/counted-life.ts';
import { entriesOf, foldInto, GRACE_MS, JobWorld, NOW_MS, rowsOf } from '../../support/job-world.ts';
import { closedSession, sessionState, subscription } from '../../support/simulated-session.ts';
import { VersionedSnapshot } from '../../support/versioned-snapshot.ts';

function topicWithin(life: CountedLife, { name, log, snapshot, upkeep }: JobTopic): JobTopic {
  return { name, log: life.of(log), snapshot: life.of(snapshot), upkeep: life.of(upkeep) };
}

function storesWithin(life: CountedLife, { sessions, retained, queues }: JobStores): JobStores {
  return {
    sessions: topicWithin(life, sessions),
    retained: topicWithin(life, retained),
    queues: life.of(queues),
  };
}

/** Two have expired, one is connected, one queue is nobody's, the snapshot has a row too many and one too few. */
async function world(): Promise<JobWorld> {
  const made = new JobWorld();
  const events = [1, 2, 3].flatMap((index): SessionEvent[] => {
    const name = { clientId: `bike-${index}` as ClientId, sessionId: index as SessionId };
    const state = sessionState(name);
    return [
      { type: 'SessionOpened', state },
      { type: 'Subscribed', subscription: subscription('a', name) },
      ...(index === 3
        ? []
        : [{ type: 'SessionClosed' as const, state: closedSession(NOW_MS - GRACE_MS - 60_000, name) }]),
    ];
  });
  await made.record(...events);
  await made.fold();
  const { snapshot } = made.sessions;
  const [lost] = (await rowsOf(snapshot)).filter(({ key }) => key.startsWith('u') && key.includes('bike-3'));
  snapshot.lose(lost!);
  await snapshot.write([{ ...lost!, key: `${lost!.key}/other` }]);
  for (const index of [1, 2, 3, 4]) await made.queue(index);
  return made;
}

/**
 * What is true afterwards, whatever the pass did on its way. Subscriptions of sessions that are no more may be left: brokers take
 * them away when they start.
 */
async function outcome(made: JobWorld): Promise<unknown> {
  const { log, snapshot } = made.sessions;
  const truth = new VersionedSnapshot();
  await foldInto({ log, snapshot: truth });
  await foldInto(made.sessions);
  const contents = async (of: VersionedSnapshot) =>
    (await rowsOf(of))
      .filter(({ key }) => key.startsWith('s') || key.includes('bike-3'))
      .map(({ key, value }) => `${key} ${value?.toString('hex')}`);
  return { queued: await made.queued(), rows: await contents(snapshot), truth: await contents(truth) };
}

test('a pass may be killed at any call', async () => {
  const alone = await world();
  const life = new CountedLife(Infinity, false);
  await alone.run({ stores: storesWithin(life, alone), repair: true, verify: true });
  const expected = await outcome(alone);
  expect(expected).toMatchObject({ queued: [3] });
  for (let calls = 1; calls <= life.calls; calls++) {
    for (const lastCounts of [false, true]) {
      const made = await world();
      const stores = storesWithin(new CountedLife(calls, lastCounts), made);
      await made.run({ stores, repair: true, verify: true }).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
      await made.run({ repair: true, verify: true });
      expect(await outcome(made), `killed at call ${calls} of ${life.calls}`).toEqual(expected);
    }
  }
  expect((await entriesOf(alone.sessions.log)).length).toBeGreaterThan(0);
});
