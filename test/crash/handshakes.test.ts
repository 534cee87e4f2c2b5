/**
 * The broker dies at every step of every acknowledged exchange: right after the packet left the client, or right
 * as it came in, before the client does anything more.
 */
import type { PacketCmd } from 'mqtt-packet';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bookDeliveries, publishNext } from './support/accounting.ts';
import { CRASHES } from './support/crashes.ts';
import { CRASH_TEST_TIMEOUT_MS, type CrashRig } from './support/crash-rig.ts';
import type { Device, Direction } from './support/device.ts';

interface Step {
  readonly qos: 1 | 2;
  readonly side: 'publisher' | 'subscriber';
  readonly direction: Direction;
  readonly command: PacketCmd;
}

const STEPS: readonly Step[] = [
  { qos: 1, side: 'publisher', direction: 'sent', command: 'publish' },
  { qos: 1, side: 'publisher', direction: 'received', command: 'puback' },
  { qos: 1, side: 'subscriber', direction: 'received', command: 'publish' },
  { qos: 1, side: 'subscriber', direction: 'sent', command: 'puback' },
  { qos: 2, side: 'publisher', direction: 'sent', command: 'publish' },
  { qos: 2, side: 'publisher', direction: 'received', command: 'pubrec' },
  { qos: 2, side: 'publisher', direction: 'sent', command: 'pubrel' },
  { qos: 2, side: 'publisher', direction: 'received', command: 'pubcomp' },
  { qos: 2, side: 'subscriber', direction: 'received', command: 'publish' },
  { qos: 2, side: 'subscriber', direction: 'sent', command: 'pubrec' },
  { qos: 2, side: 'subscriber', direction: 'received', command: 'pubrel' },
  { qos: 2, side: 'subscriber', direction: 'sent', command: 'pubcomp' },
];

const MESSAGES = 5;
/** The crash falls on this occurrence of the packet, so that others are before and behind it. */
const OCCURRENCE = 3;
/** Time the broker gets to be in the middle of what it was just sent. */
const DELAY_MS_MAX = 4;

for (const crash of CRASHES) {
  describe(`a broker that ${crash.dies} in the middle of a hand-shake`, () => {
    it.each([4, 5] as const)(
      'loses and repeats nothing, whatever packet was the last, MQTT level %i',
      { timeout: CRASH_TEST_TIMEOUT_MS * 2 },
      async (level) => {
        const rig = await crash.rig(`handshakes ${level}`);
        for (const [index, step] of STEPS.entries()) {
          const name = `step-${index}`;
          const publisher = await rig.device(`${name}-publisher`, { level });
          const subscriber = await rig.device(`${name}-subscriber`, { level: level === 4 ? 5 : 4 });
          bookDeliveries(subscriber, rig.ledger);
          await subscriber.subscribed(`${name}/#`);
          const stream = rig.ledger.open(`${name}/t`, step.qos, [subscriber.clientId]);

          const killed = killAt(rig, step.side === 'publisher' ? publisher : subscriber, step);
          const answered = Promise.all(
            Array.from({ length: MESSAGES }, () => publishNext(publisher, stream)),
          );
          await killed;
          await rig.restart();
          await answered;
          await rig.expectEverythingDelivered();
          expect(rig.ledger.totals(step.qos).refused).toBe(0);
        }
      },
    );
  });
}

/** Resolves when the broker has been killed at the given packet. */
async function killAt(rig: CrashRig, device: Device, { direction, command }: Step): Promise<void> {
  let seen = 0;
  await new Promise<void>((resolve) => {
    device.onTrace = (actualDirection, actualCommand) => {
      if (actualDirection !== direction || actualCommand !== command || ++seen !== OCCURRENCE) return;
      if (direction === 'received') resolve(rig.victim.kill());
      else resolve(sleep(rig.random.between(0, DELAY_MS_MAX)).then(() => rig.victim.kill()));
    };
  });
  device.onTrace = () => undefined;
}
