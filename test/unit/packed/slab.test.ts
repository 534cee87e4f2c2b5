import { describe, expect, test } from 'vitest';
import { Slab } from '../../../src/packed/slab.ts';

const KIB = 1024;

/** Writes a byte all over the block, so that one that overlaps another is found. */
function fill(slab: Slab, address: number, bytes: number, value: number): void {
  const start = slab.startOf(address);
  slab.bufferOf(address).fill(value, start, start + bytes);
}

describe('slab', () => {
  test('blocks of every size keep what was written to them, whatever is freed around them', () => {
    const slab = new Slab();
    const sizes = [1, 15, 16, 17, 255, 256, 257, 300, 1_000, 4_096, 4_097, 70_000];
    const blocks = sizes.flatMap((bytes) =>
      [0, 1, 2].map((copy) => ({ bytes, copy, address: slab.allocate(bytes) })),
    );
    for (const [index, { address, bytes }] of blocks.entries()) fill(slab, address, bytes, index + 1);
    for (const { address, copy } of blocks) if (copy === 1) slab.free(address);
    for (const bytes of sizes) fill(slab, slab.allocate(bytes), bytes, 0xff);
    for (const [index, { address, bytes, copy }] of blocks.entries()) {
      if (copy === 1) continue;
      const start = slab.startOf(address);
      const content = slab.bufferOf(address).subarray(start, start + bytes);
      expect(
        content.every((byte) => byte === index + 1),
        `block of ${bytes} bytes`,
      ).toBe(true);
    }
  });

  test('memory is given back when whole pages are free', () => {
    const slab = new Slab();
    const addresses = Array.from({ length: 10_000 }, () => slab.allocate(100));
    const full = slab.bytes;
    expect(full).toBeGreaterThanOrEqual(1_000_000);
    for (const address of addresses) slab.free(address);
    expect(slab.bytes).toBeLessThanOrEqual(64 * KIB);
  });

  test('a record that grows and shrinks at a border of sizes takes no new page each time', () => {
    const slab = new Slab();
    slab.free(slab.allocate(100));
    const buffer = slab.bufferOf(slab.allocate(100));
    for (let time = 0; time < 10; time++) {
      const address = slab.allocate(100);
      expect(slab.bufferOf(address)).toBe(buffer);
      slab.free(address);
    }
  });

  test('a record fits its block while it would get no other one', () => {
    const slab = new Slab();
    const address = slab.allocate(100);
    expect([96, 97, 112, 113].map((bytes) => slab.fits(address, bytes))).toEqual([false, true, true, false]);
  });

  test('what was freed cannot be read any more once its page is gone', () => {
    const slab = new Slab();
    const large = [slab.allocate(100_000), slab.allocate(100_000)] as const;
    slab.free(large[0]);
    slab.free(large[1]);
    expect(() => [slab.bufferOf(large[0]), slab.bufferOf(large[1])]).toThrow('it was freed');
  });
});
