/** Whatever happens to a session or a retained message reads back from the log exactly as it was. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRetainedEvent, encodeRetainedEvent } from '../../src/event-log/retained-event-codec.ts';
import { decodeSessionEvent, encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { retainedEvent, sessionEvent } from '../arbitrary/session-event.ts';

test('a session event reads back as it was', () => {
  fc.assert(
    fc.property(sessionEvent, (event) => {
      expect(decodeSessionEvent(encodeSessionEvent(event, 1))).toEqual(event);
    }),
    { numRuns: 500 },
  );
});

test('a retained event reads back as it was', () => {
  fc.assert(
    fc.property(retainedEvent, (event) => {
      expect(decodeRetainedEvent(encodeRetainedEvent(event, 1))).toEqual(event);
    }),
    { numRuns: 300 },
  );
});

test('a header no release has written yet does not change what a value says', () => {
  fc.assert(
    fc.property(sessionEvent, fc.string(), (event, header) => {
      const record = encodeSessionEvent(event, 1);
      fc.pre(record.value !== null && header !== 'SessionOpened' && header !== 'SessionClosed');
      const decoded = decodeSessionEvent({ ...record, event: header });
      const body = event.type === 'Subscribed' ? 'subscription' : 'state';
      expect(decoded).toHaveProperty(body, Reflect.get(event, body));
    }),
  );
});

test('damaged values are refused or decode to something, never crash in another way', () => {
  fc.assert(
    fc.property(sessionEvent, fc.nat(), fc.nat(255), (event, position, byte) => {
      const record = encodeSessionEvent(event, 1);
      fc.pre(record.value !== null);
      const value = Buffer.from(record.value);
      value[position % value.length] = byte;
      let thrown: unknown;
      try {
        decodeSessionEvent({ ...record, value });
      } catch (error) {
        thrown = error;
      }
      if (thrown !== undefined) expect(thrown).toMatchObject({ code: 'RECORD_UNDECODABLE' });
    }),
  );
});
