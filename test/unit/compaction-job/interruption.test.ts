/** A pass that is cut off anywhere, and begun again, leads to where one that was left alone does. */
import { expect, test } from 'vitest';
import type { JobStores, JobTopic } from '../../../compaction-job/stores.ts';
import type { SessionEvent } from '../../../src/session/events.ts';
import type { ClientId, SessionId } from '../../../src/tenancy/identity.ts';
import { entriesOf, foldInto, GRACE_MS, JobWorld, NOW_MS, rowsOf } from '../../support/job-world.ts';
import { closedSession, sessionState, subscription } from '../../support/simulated-session.ts';
import { VersionedSnapshot } from '../../support/versioned-snapshot.ts';

class Killed extends Error {}

/** Calls that the process still makes; the last one may have its effect, and nobody hears of it. */
class Life {
  calls = 0;
  readonly #callsMax: number;
  readonly #lastCounts: boolean;

  constructor(callsMax: number, lastCounts: boolean) {
    this.#callsMax = callsMax;
    this.#lastCounts = lastCounts;
  }

  of<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: readonly unknown[]): unknown => {
          this.calls++;
          if (this.calls < this.#callsMax) return Reflect.apply(member, target, args);
          if (this.calls > this.#callsMax || !this.#lastCounts) throw new Killed();
          const result: unknown = Reflect.apply(member, target, args);
          return result instanceof Promise ? result.then(() => Promise.reject(new Killed())) : result;
        };
      },
    });
  }

  ofTopic(topic: JobTopic): JobTopic {
    const { name, log, snapshot, upkeep } = topic;
    return { name, log: this.of(log), snapshot: this.of(snapshot), upkeep: this.of(upkeep) };
  }

  ofAll({ sessions, retained, queues }: JobStores): JobStores {
    return { sessions: this.ofTopic(sessions), retained: this.ofTopic(retained), queues: this.of(queues) };
  }
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
  const life = new Life(Infinity, false);
  await alone.run({ stores: life.ofAll(alone), repair: true, verify: true });
  const expected = await outcome(alone);
  expect(expected).toMatchObject({ queued: [3] });
  for (let calls = 1; calls <= life.calls; calls++) {
    for (const lastCounts of [false, true]) {
      const made = await world();
      const stores = new Life(calls, lastCounts).ofAll(made);
      await made.run({ stores, repair: true, verify: true }).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
      await made.run({ repair: true, verify: true });
      expect(await outcome(made), `killed at call ${calls} of ${life.calls}`).toEqual(expected);
    }
  }
  expect((await entriesOf(alone.sessions.log)).length).toBeGreaterThan(0);
});
