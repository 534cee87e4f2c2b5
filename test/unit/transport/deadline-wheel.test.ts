import { describe, expect, it } from 'vitest';
import { DeadlineWheel, TICK_MS, Watched } from '../../../src/transport/deadline-wheel.ts';
import { ManualTimers } from './manual-timers.ts';

class Watcher extends Watched {
  firedAt: number[] = [];
  readonly #wheel: DeadlineWheel;

  constructor(wheel: DeadlineWheel) {
    super();
    this.#wheel = wheel;
  }

  override onDeadline(): void {
    this.firedAt.push(this.#wheel.tick);
  }
}

function advance(wheel: DeadlineWheel, ticks: number): void {
  for (let tick = 0; tick < ticks; tick++) wheel.advance();
}

describe('DeadlineWheel', () => {
  it.each([1, TICK_MS, 3 * TICK_MS + 1, 255 * TICK_MS, 256 * TICK_MS, 257 * TICK_MS, 10_000 * TICK_MS])(
    'fires a deadline of %i ms once, not before it has passed and within two ticks',
    (durationMs) => {
      const wheel = new DeadlineWheel(new ManualTimers());
      advance(wheel, 17);
      const watcher = new Watcher(wheel);
      wheel.watch(watcher, durationMs);
      advance(wheel, Math.ceil(durationMs / TICK_MS) + 600);
      expect(watcher.firedAt).toHaveLength(1);
      // A whole tick more than the duration: up to one of them was over when the watch began.
      const ticks = (watcher.firedAt[0] ?? 0) - 17;
      expect((ticks - 1) * TICK_MS).toBeGreaterThanOrEqual(durationMs);
      expect((ticks - 2) * TICK_MS).toBeLessThan(durationMs);
    },
  );

  it('counts from the last time something was heard', () => {
    const wheel = new DeadlineWheel(new ManualTimers());
    const watcher = new Watcher(wheel);
    wheel.watch(watcher, 10 * TICK_MS);
    advance(wheel, 9);
    watcher.heardTick = wheel.tick;
    advance(wheel, 10);
    expect(watcher.firedAt).toEqual([]);
    advance(wheel, 1);
    expect(watcher.firedAt).toEqual([20]);
  });

  it('forgets what is no longer watched, and replaces a deadline by a new one', () => {
    const wheel = new DeadlineWheel(new ManualTimers());
    const forgotten = new Watcher(wheel);
    const replaced = new Watcher(wheel);
    wheel.watch(forgotten, 2 * TICK_MS);
    wheel.watch(replaced, 2 * TICK_MS);
    wheel.watch(replaced, 50 * TICK_MS);
    wheel.unwatch(forgotten);
    advance(wheel, 200);
    expect(forgotten.firedAt).toEqual([]);
    expect(replaced.firedAt).toEqual([51]);
  });

  it('is one timer, however many deadlines', () => {
    const timers = new ManualTimers();
    const wheel = new DeadlineWheel(timers);
    const watchers = Array.from({ length: 1000 }, () => new Watcher(wheel));
    wheel.start();
    for (const watcher of watchers) wheel.watch(watcher, TICK_MS);
    expect(timers.pending).toBe(1);
    timers.elapse(2);
    expect(watchers.every((watcher) => watcher.firedAt.length === 1)).toBe(true);
    expect(timers.pending).toBe(1);
    wheel.stop();
    expect(timers.pending).toBe(0);
  });
});
