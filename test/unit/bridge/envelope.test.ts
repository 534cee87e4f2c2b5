import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEnvelope, encodeEnvelope, EnvelopeError } from '../../../src/bridge/envelope.ts';
import { writeProperties } from '../../../src/bridge/message-properties.ts';
import { NO_PROPERTIES, type Message } from '../../../src/queue/message.ts';
import { DEFAULT_TENANT, type ClientId } from '../../../src/tenancy/identity.ts';

const NOW_MS = 1_700_000_000_000;

function message(changes: Partial<Message> = {}): Message {
  return {
    topic: 'bikes/7',
    payload: Buffer.from('open'),
    qos: 1,
    retain: false,
    properties: NO_PROPERTIES,
    publishedAtMs: NOW_MS,
    expiresAtMs: undefined,
    publisher: 'bike-7' as ClientId,
    ...changes,
  };
}

const decode = (value: unknown) => decodeEnvelope(Buffer.from(JSON.stringify(value)), DEFAULT_TENANT);

describe('an envelope', () => {
  it('can be sent back as it came', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => !value.includes('\0'));
    const properties = fc.record(
      {
        isText: fc.boolean(),
        contentType: text,
        responseTopic: fc.constantFrom('a', 'answers/7'),
        correlationData: fc.base64String({ maxLength: 24 }),
        userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        properties,
        fc.constantFrom<0 | 1 | 2>(0, 1, 2),
        fc.boolean(),
        fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
        (payload, given, qos, retain, expiryS) => {
          const wire = writeProperties(given);
          if (wire === undefined) throw new Error('these properties can be used');
          const sent = message({
            payload: Buffer.from(payload),
            properties: wire,
            qos,
            retain,
            expiresAtMs: expiryS === undefined ? undefined : NOW_MS + expiryS * 1_000,
          });
          expect(decodeEnvelope(encodeEnvelope(sent, DEFAULT_TENANT, NOW_MS), DEFAULT_TENANT)).toEqual({
            topic: sent.topic,
            payload: sent.payload,
            qos,
            retain,
            expiryS,
            properties: wire,
          });
        },
      ),
    );
  });

  it('needs a payload and nothing else', () => {
    expect(decode({ payload: '' })).toEqual({
      topic: undefined,
      payload: Buffer.alloc(0),
      qos: undefined,
      retain: undefined,
      expiryS: undefined,
      properties: NO_PROPERTIES,
    });
  });

  it.each<[string, unknown]>([
    ['a list', []],
    ['nothing', null],
    ['text', 'x'],
    ['no payload', { topic: 'a' }],
    ['half a character', { topic: '\ud800', payload: '' }],
    ['U+0000', { topic: 'a\0', payload: '' }],
    ['an unknown encoding', { payload: '', encoding: 'hex' }],
    ['bad base64', { payload: 'a', encoding: 'base64' }],
    ['base64 with strangers in it', { payload: 'a-_=', encoding: 'base64' }],
    ['another QoS', { payload: '', qos: 3 }],
    ['a retain that is none', { payload: '', retain: 1 }],
    ['an expiry of nothing', { payload: '', expiryS: 0 }],
    ['an expiry of parts', { payload: '', expiryS: 1.5 }],
    ['an expiry beyond MQTT', { payload: '', expiryS: 2 ** 32 }],
    ['another tenant', { payload: '', tenant: 'acme' }],
    ['properties that are none', { payload: '', properties: 1 }],
    ['a bad response topic', { payload: '', properties: { responseTopic: 'a/#' } }],
    ['bad correlation data', { payload: '', properties: { correlationData: '?' } }],
    ['user properties that are no pairs', { payload: '', properties: { userProperties: [['a']] } }],
    ['user properties that are no text', { payload: '', properties: { userProperties: [['a', 1]] } }],
    ['a property that is too long', { payload: '', properties: { contentType: 'x'.repeat(65_536) } }],
  ])('is refused with %s', (_what, value) => {
    expect(() => decode(value)).toThrow(EnvelopeError);
  });

  it.each([Buffer.from('{'), Buffer.from([0xff]), Buffer.alloc(0)])('is not %s', (bytes) => {
    expect(() => decodeEnvelope(bytes, DEFAULT_TENANT)).toThrow(EnvelopeError);
  });
});
