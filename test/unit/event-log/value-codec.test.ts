/** Two releases on one log: what an older one wrote reads as the newest version, and the other way round. */
import type { Schema } from 'avsc';
import { expect, test } from 'vitest';
import { ValueCodec } from '../../../src/event-log/value-codec.ts';

const FIRST: Schema = {
  type: 'record',
  name: 'Bike',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'color', type: 'string', default: 'red' },
  ],
};
const SECOND: Schema = {
  type: 'record',
  name: 'Bike',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'gears', type: ['null', 'int'], default: null },
  ],
};
const first = { id: 7, schema: FIRST };
const second = { id: 300, schema: SECOND };

const yesterday = new ValueCodec<{ name: string; color: string }>(first);
const today = new ValueCodec<{ name: string; gears: number | null }>(second, [first]);
/** Can read what will be written tomorrow, and does not write it yet. */
const between = new ValueCodec<{ name: string; color: string }>(first, [second]);

test('a value of an earlier version gets defaults and loses what is gone', () => {
  const value = yesterday.encode({ name: 'b7', color: 'blue' });
  expect(today.decode(value, 'k')).toEqual({ name: 'b7', gears: null });
});

test('a value of a later version reads in the release before, which knows it already', () => {
  const value = today.encode({ name: 'b7', gears: 3 });
  expect([...value.subarray(0, 5)]).toEqual([0, 0, 0, 1, 44]);
  expect(between.decode(value, 'k')).toEqual({ name: 'b7', color: 'red' });
});

test('a release that does not know the version says so, and a value of an earlier one may not be cut either', () => {
  const value = today.encode({ name: 'b7', gears: 3 });
  expect(() => yesterday.decode(value, 'k')).toThrow(/record "k": .*schema 300; upgrade this broker/);
  const earlier = yesterday.encode({ name: 'b7', color: 'blue' });
  expect(() => today.decode(earlier.subarray(0, -1), 'k')).toThrow(/does not end where schema 7 ends/);
});
