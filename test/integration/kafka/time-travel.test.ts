/** Two recorded days on a real topic: what is told of a moment is the fold of the records up to it, from the client's partition alone. */
import { expect, inject, onTestFinished, test } from 'vitest';
import type { AdminEvent } from '../../../src/admin/admin-port.ts';
import { EventAdmin } from '../../../src/admin/event-admin.ts';
import { LogWindow } from '../../../src/admin/log-window.ts';
import { SessionHistory } from '../../../src/admin/session-history.ts';
import { openKafkaEventLog } from '../../../src/adapters/kafka/event-log/kafka-event-log.ts';
import type { ClientId, TenantId } from '../../../src/tenancy/identity.ts';
import { createTopic } from '../../support/kafka-topic.ts';
import { recordedDays } from '../../support/recorded-days.ts';
import { pastOf, placed } from '../../support/session-past.ts';

const YEARS_MS = 20 * 365 * 86_400_000;
const TENANT = 'lakeside' as TenantId;
const BIKE = 'bike-3' as ClientId;
const brokers = [inject('kafkaAddress')];
const { records, fromMs, toMs } = recordedDays();

test('sessions and events of every moment, from four partitions', async () => {
  const topic = await createTopic(brokers, {
    partitions: 4,
    configuration: { 'min.compaction.lag.ms': `${YEARS_MS}` },
  });
  onTestFinished(() => topic.remove());
  const log = await openKafkaEventLog({
    connection: { brokers, clientId: 'time-travel' },
    topic: topic.name,
  });
  onTestFinished(() => log.close());
  const entries = placed(records, await log.append(records));
  const window = new LogWindow({ nowMs: () => toMs }, YEARS_MS);

  const history = new SessionHistory({ log, window, answerMsMax: 60_000 });
  for (const clientId of [BIKE, 'bike-99', 'gateway'] as ClientId[]) {
    for (let atMs = fromMs; atMs <= toMs; atMs += 5 * 3_600_000) {
      const expected = pastOf(entries, TENANT, clientId, atMs);
      const asked = history.at(TENANT, clientId, atMs, new AbortController().signal);
      const found = await asked.catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code !== 'TOO_SLOW') return undefined;
        throw error;
      });
      expect(found?.record.offset).toBe(expected?.offset);
      expect(found?.owner).toEqual(expected?.session.owner);
      expect(found?.subscriptions.map(({ filter }) => filter)).toEqual(expected?.filters);
    }
  }

  const [sinceMs, untilMs] = [fromMs + 6 * 3_600_000, fromMs + 40 * 3_600_000];
  const query = { tenant: undefined, clientId: BIKE, since: { timeMs: sinceMs }, untilMs, follow: false };
  const found: AdminEvent[] = [];
  const events = new EventAdmin(log, window, () => [TENANT]).tailEvents(query, new AbortController().signal);
  for await (const event of events) found.push(event);
  const wanted = entries.filter(
    ({ partitionKey, timestampMs }) =>
      partitionKey === `${TENANT}\0${BIKE}` && sinceMs <= timestampMs && timestampMs <= untilMs,
  );
  expect(wanted.length).toBeGreaterThan(5);
  expect(found.map(({ offset }) => offset)).toEqual(wanted.map(({ offset }) => offset));
});
