import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PackedReader, PackedWriter } from '../../../src/packed/packed-bytes.ts';

type Field =
  | { readonly kind: 'byte' | 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'blob'; readonly value: Uint8Array };

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), value: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant('number' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme', maxLength: 200 }) }),
  fc.record({ kind: fc.constant('blob' as const), value: fc.uint8Array({ maxLength: 3_000 }) }),
);

describe('packed bytes', () => {
  test('fields read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
        const writer = new PackedWriter();
        for (const { kind, value } of fields) {
          if (kind === 'text') writer.text(value);
          else if (kind === 'blob') writer.blob(value);
          else writer[kind](value);
        }
        const reader = new PackedReader().seek(writer.bytes, 0);
        for (const { kind, value } of fields) {
          if (kind === 'blob') expect(reader.blob()).toEqual(Buffer.from(value));
          else expect(reader[kind]()).toBe(value);
        }
        expect(reader.at).toBe(writer.end);
      }),
    );
  });

  test('equal texts are equal bytes, however long', () => {
    for (const text of ['', 'a', 'x'.repeat(63), 'x'.repeat(64), 'ü', 'x'.repeat(200), 'bike\u{1f6b2}']) {
      const [one, other] = [new PackedWriter(), new PackedWriter()];
      one.text(text);
      other.text(text);
      expect(one.isAt(other.bytes, 0)).toBe(true);
      other.reset().text(`${text}!`);
      expect(one.isAt(other.bytes, 0)).toBe(false);
    }
  });

  test('a number that would not come back is refused', () => {
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => {
        new PackedWriter().number(value);
      }).toThrow('is not a safe integer');
    }
  });
});
