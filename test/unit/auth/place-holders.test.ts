import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/app/config-schema.ts';
import { fill, fillSafely, unknownPlaceHolder } from '../../../src/auth/place-holders.ts';

const BIKE = { clientId: 'bike-7', clientName: 'bike', tenant: 'acme' };

describe('place-holders', () => {
  it('are filled in one pass', () => {
    expect(fill('%t/%u/%c/100%%c', BIKE)).toBe('acme/bike/bike-7/100%c');
    expect(fill('%c', { ...BIKE, clientId: '%t' })).toBe('%t');
  });

  it('that mean nothing are named', () => {
    expect(unknownPlaceHolder('a/%c/%%')).toBeUndefined();
    expect(unknownPlaceHolder('a/%x')).toBe('%x');
    expect(unknownPlaceHolder('a/%')).toBe('%');
  });

  it('are not filled with a name that would leave its level', () => {
    expect(fillSafely('answers/%c', BIKE)).toBe('answers/bike-7');
    expect(fillSafely('answers/%t', { ...BIKE, clientId: '+' })).toBe('answers/acme');
    for (const clientId of ['+', 'a/b', '#', '$SYS', '']) {
      expect(fillSafely('answers/%c', { ...BIKE, clientId })).toBeUndefined();
    }
    expect(fillSafely('answers/%u', { ...BIKE, clientName: '' })).toBeUndefined();
  });
});

describe('mqtt.responseInformation', () => {
  it.each(['answers/%c', '%t/%u', ''])('may be %j', (responseInformation) => {
    expect(configSchema.parse({ mqtt: { responseInformation } }).mqtt).toEqual({ responseInformation });
  });

  it.each(['answers/#', '+', 'answers/%x'])('may not be %j', (responseInformation) => {
    expect(configSchema.safeParse({ mqtt: { responseInformation } }).success).toBe(false);
  });
});
