import { beforeEach, describe, expect, test } from 'vitest';
import { PublisherBrake } from '../../../src/broker/publisher-brake.ts';
import { SimulatedLink } from '../../support/simulated-link.ts';
import { ProcessLife } from '../../support/simulated-stores.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const BYTES_HIGH = 1_000;
const ignore = (): void => undefined;

/** Records what it is told about reading. */
class ReadLink extends SimulatedLink {
  readonly told: string[] = [];

  constructor() {
    const time = new SimulatedTime();
    super({
      name: '',
      time,
      life: new ProcessLife(time),
      latencyMs: () => 0,
      outboxBytesHigh: 1,
      witness: ignore,
      onReceived: ignore,
      onClosed: ignore,
    });
  }

  override pauseReading(reason: string): void {
    this.told.push(`pause ${reason}`);
  }

  override resumeReading(reason: string): void {
    this.told.push(`resume ${reason}`);
  }
}

describe('publisher brake', () => {
  let staged: number;
  let brake: PublisherBrake;
  let link: ReadLink;

  beforeEach(() => {
    staged = 0;
    brake = new PublisherBrake(() => staged, BYTES_HIGH);
    link = new ReadLink();
  });

  test('publishers are read while little waits for the store', () => {
    staged = BYTES_HIGH - 1;
    brake.check(link);
    expect(link.told).toEqual([]);
    expect(brake.stopped).toBe(0);
  });

  test('at the high mark whoever publishes is stopped, once, and others are not', () => {
    staged = BYTES_HIGH;
    brake.check(link);
    brake.check(link);
    expect(link.told).toEqual(['pause store']);
    expect(brake.stopped).toBe(1);
  });

  test('all go on together at half of it, not before', () => {
    const other = new ReadLink();
    staged = BYTES_HIGH;
    brake.check(link);
    brake.check(other);
    staged = BYTES_HIGH / 2 + 1;
    brake.release();
    expect(link.told).toEqual(['pause store']);
    staged = BYTES_HIGH / 2;
    brake.release();
    expect(link.told).toEqual(['pause store', 'resume store']);
    expect(other.told).toEqual(['pause store', 'resume store']);
    expect(brake.stopped).toBe(0);
  });

  test('a crowded part stops those who publish into it, and lets them go by itself', () => {
    const part = { isCrowded: true };
    const other = new ReadLink();
    brake.check(link, part);
    brake.check(link, part);
    brake.check(other);
    brake.release();
    expect(link.told).toEqual(['pause store']);
    expect(other.told).toEqual([]);
    expect(brake.stopped).toBe(1);
    part.isCrowded = false;
    brake.release();
    expect(link.told).toEqual(['pause store', 'resume store']);
    expect(brake.stopped).toBe(0);
  });

  test('a connection that is gone is not told any more', () => {
    staged = BYTES_HIGH;
    brake.check(link);
    brake.forget(link);
    staged = 0;
    brake.release();
    expect(link.told).toEqual(['pause store']);
  });
});
