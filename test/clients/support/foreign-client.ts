/**
 * What is asked of a client that somebody else wrote, and the story it goes through: it connects, publishes and subscribes,
 * leaves a session behind, and finds it again, with everything that was published meanwhile, after the broker was killed.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transport } from '../../support/running-broker.ts';
import { KillableBroker, type Endpoint } from './killable-broker.ts';

/** Of the protocol. */
export type Level = 4 | 5;

export interface ForeignSession {
  readonly endpoint: Endpoint;
  readonly level: Level;
  readonly clientId: string;
  readonly topic: string;
}

export interface Received {
  /** As CONNACK said; undefined: the client does not tell. */
  readonly sessionPresent: boolean | undefined;
  readonly payloads: readonly string[];
}

export interface ForeignClient {
  /** Begins a session that outlives its connection, subscribed to the topic with QoS 1, and leaves it. */
  leaveSession(session: ForeignSession): Promise<void>;
  /** Resolves when each payload is acknowledged, QoS 1, in order. */
  publish(session: ForeignSession, payloads: readonly string[]): Promise<void>;
  /** Comes back to the session and takes so many messages. */
  receive(session: ForeignSession, count: number): Promise<Received>;
}

const LEVELS: readonly Level[] = [4, 5];
const VERSION: Readonly<Record<Level, string>> = { 4: 'MQTT 3.1.1', 5: 'MQTT 5' };
const QUEUED = ['one', 'two', 'three', 'four', 'five'];

/** `client` is asked for when the tests begin. */
export function describeForeignClient(
  name: string,
  transports: readonly Transport[],
  client: () => Promise<ForeignClient>,
): void {
  const cases = LEVELS.flatMap((level) => transports.map((transport) => ({ level, transport })));

  describe(name, () => {
    let broker: KillableBroker;
    let foreign: ForeignClient;

    beforeAll(async () => {
      [broker, foreign] = await Promise.all([KillableBroker.start(), client()]);
    });

    afterAll(() => broker.dispose());

    const sessionOf = (level: Level, transport: Transport, role: string): ForeignSession => {
      const clientId = `${role}-${level}-${transport}`;
      return { endpoint: broker.endpoint(transport), level, clientId, topic: `to/${level}/${transport}` };
    };

    it.each(cases.map((each) => ({ ...each, version: VERSION[each.level] })))(
      'finds its session and its messages over $transport as $version after the broker was killed',
      async ({ level, transport }) => {
        const reader = sessionOf(level, transport, 'reader');
        const writer = sessionOf(level, transport, 'writer');
        await foreign.leaveSession(reader);
        await foreign.publish(writer, QUEUED.slice(0, 3));
        await broker.killAndRestart();
        await foreign.publish(writer, QUEUED.slice(3));
        const { sessionPresent, payloads } = await foreign.receive(reader, QUEUED.length);
        expect(payloads).toEqual(QUEUED);
        expect(sessionPresent ?? true).toBe(true);
      },
    );
  });
}
