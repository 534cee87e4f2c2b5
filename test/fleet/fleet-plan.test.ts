import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planFleet } from '../../src/fleet/fleet-plan.ts';
import type { Trip } from '../../src/fleet/trip-file.ts';

const trip = (startMs: number, endMs: number, startStation = 'A', endStation = 'B'): Trip => ({
  startMs,
  endMs,
  startStation,
  endStation,
});

describe('a fleet plan', () => {
  it('compresses the trips into the duration', () => {
    const plan = planFleet([trip(1_000, 3_000), trip(9_000, 11_000)], 2, { durationMs: 100 });
    expect(plan.speed).toBe(100);
    expect(plan.commands.map(({ atMs, action }) => [atMs, action])).toEqual([
      [0, 'unlock'],
      [20, 'lock'],
      [80, 'unlock'],
      [100, 'lock'],
    ]);
  });

  it('takes its duration from the speed when that is given', () => {
    expect(planFleet([trip(0, 60_000)], 1, { speed: 10 })).toMatchObject({ durationMs: 6_000, speed: 10 });
  });

  it('rides the bike that stands at the station, else the one idle longest', () => {
    const plan = planFleet([trip(0, 10, 'A', 'B'), trip(20, 30, 'C', 'D'), trip(40, 50, 'B', 'A')], 3, {
      speed: 1,
    });
    expect(
      plan.commands.filter((command) => command.action === 'unlock').map((command) => command.bike),
    ).toEqual([0, 1, 0]);
  });

  it('leaves out trips for which no bike is free', () => {
    const plan = planFleet([trip(0, 100), trip(50, 150), trip(101, 200)], 1, { speed: 1 });
    expect(plan).toMatchObject({ trips: 2, tripsWithoutBike: 1 });
  });

  it('never unlocks a bike that is on the road, and keeps commands in order of time', () => {
    const trips = fc.array(
      fc.tuple(fc.nat(1_000), fc.nat(300), fc.constantFrom('A', 'B'), fc.constantFrom('A', 'B')),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(trips, fc.integer({ min: 1, max: 6 }), (list, bikes) => {
        const plan = planFleet(
          list.map(([start, length, from, to]) => trip(start, start + length, from, to)),
          bikes,
          { durationMs: 500 },
        );
        const unlocked = new Set<number>();
        let atMs = 0;
        for (const command of plan.commands) {
          expect(command.atMs).toBeGreaterThanOrEqual(atMs);
          atMs = command.atMs;
          expect(unlocked.has(command.bike)).toBe(command.action === 'lock');
          if (command.action === 'unlock') unlocked.add(command.bike);
          else unlocked.delete(command.bike);
        }
        expect(unlocked.size).toBe(0);
        expect(plan.trips + plan.tripsWithoutBike).toBe(list.length);
      }),
    );
  });
});
