/** Whatever happens to a session or a retained message reads back from the log exactly as it was. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRetainedEvent, encodeRetainedEvent } from '../../src/event-log/retained-event-codec.ts';
import { decodeSessionEvent, encodeSessionEvent } from '../../src/event-log/session-event-codec.ts';
import { retainedEvent, sessionEvent } from '../arbitrary/session-event.ts';
import { avroType, publishedSchemas } from '../support/published-schemas.ts';

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

test('a value that is cut short, or goes on behind its end, is refused and never half read', () => {
  fc.assert(
    fc.property(sessionEvent, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 }), (event, cut, more) => {
      const record = encodeSessionEvent(event, 1);
      fc.pre(record.value !== null);
      const { value } = record;
      const refusal = expect.objectContaining({ code: 'RECORD_UNDECODABLE' }) as Error;
      const shortened = value.subarray(0, cut % value.length);
      expect(() => decodeSessionEvent({ ...record, value: shortened })).toThrow(refusal);
      const continued = Buffer.concat([value, more]);
      expect(() => decodeSessionEvent({ ...record, value: continued })).toThrow(refusal);
    }),
  );
});

test('a value of a schema that this release does not know is refused with what to do', () => {
  fc.assert(
    fc.property(sessionEvent, fc.integer({ min: 4, max: 2 ** 32 - 1 }), (event, schemaId) => {
      const record = encodeSessionEvent(event, 1);
      fc.pre(record.value !== null);
      const value = Buffer.from(record.value);
      value.writeUInt32BE(schemaId, 1);
      expect(() => decodeSessionEvent({ ...record, value })).toThrow(
        new RegExp(`does not know schema ${schemaId}; upgrade`),
      );
    }),
  );
});

test('the retained codec refuses cut and foreign values as well', () => {
  fc.assert(
    fc.property(retainedEvent, fc.nat(), (event, cut) => {
      const record = encodeRetainedEvent(event, 1);
      fc.pre(record.value !== null);
      const refusal = expect.objectContaining({ code: 'RECORD_UNDECODABLE' }) as Error;
      const shortened = record.value.subarray(0, cut % record.value.length);
      expect(() => decodeRetainedEvent({ ...record, value: shortened })).toThrow(refusal);
      const asSession = Buffer.from(record.value);
      asSession.writeUInt32BE(1, 1);
      expect(() => decodeRetainedEvent({ ...record, value: asSession })).toThrow(/does not know schema 1/);
    }),
  );
});

test('a value is what any other Avro program writes with the published schema, and reads with it', () => {
  const types = new Map(publishedSchemas().map(({ id, schema }) => [id, avroType(schema)]));
  fc.assert(
    fc.property(sessionEvent, (event) => {
      const { value } = encodeSessionEvent(event, 1);
      fc.pre(value !== null);
      const type = types.get(value.readUInt32BE(1));
      const read: unknown = type?.fromBuffer(value.subarray(5));
      expect(type?.toBuffer(read).equals(value.subarray(5))).toBe(true);
    }),
  );
});
