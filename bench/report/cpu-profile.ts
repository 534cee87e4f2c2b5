/**
 * Reads V8 CPU profiles (`--cpu-prof`) and sums self time per function over a stretch of the monotonic clock, so that the
 * start of the broker and the search for a rate do not blur what a phase spends its time on.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Phase } from '../scenarios/scenario.ts';

export interface HotSpot {
  /** `function (file:line)`, or V8's own name such as `(garbage collector)`. */
  readonly where: string;
  /** Part of the time in which the threads were not idle, 0 to 1. */
  readonly part: number;
}

/** V8's name for waiting in the event loop. */
const IDLE = '(idle)';

/** A longer gap between samples is the machine giving the core to somebody else, not the function's own time. */
const GAP_MAX_US = 2000;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** The fields of a .cpuprofile that are read; times in microseconds, `startTime` on the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** All profiles of a directory: the main thread's and one per worker thread. */
export function readProfiles(directory: string): CpuProfile[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name): unknown => JSON.parse(readFileSync(join(directory, name), 'utf8')))
    .filter(isCpuProfile);
}

/** The functions with the most self time during `phase`, most first, of all threads together; `(idle)` is left out. */
export function hotSpots(profiles: readonly CpuProfile[], phase: Phase, top: number): HotSpot[] {
  const selfUs = new Map<string, number>();
  for (const profile of profiles) addSelfTimes(selfUs, profile, phase);
  selfUs.delete(IDLE);
  const busyUs = [...selfUs.values()].reduce((sum, us) => sum + us, 0);
  return [...selfUs]
    .map(([where, us]) => ({ where, part: us / busyUs }))
    .sort((a, b) => b.part - a.part)
    .slice(0, top);
}

function addSelfTimes(selfUs: Map<string, number>, profile: CpuProfile, phase: Phase): void {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node)]));
  let timeUs = profile.startTime;
  profile.samples.forEach((sample, index) => {
    const deltaUs = profile.timeDeltas[index] ?? 0;
    timeUs += deltaUs;
    if (timeUs < phase.fromMs * 1000 || timeUs >= phase.toMs * 1000) return;
    const name = names.get(sample) ?? '(unknown)';
    selfUs.set(name, (selfUs.get(name) ?? 0) + Math.min(deltaUs, GAP_MAX_US));
  });
}

function nameOf({ callFrame }: ProfileNode): string {
  const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName;
  if (callFrame.url === '') return name;
  const file = callFrame.url.replace(/^.*\/(dist|node_modules)\//, '');
  return `${name} (${file}:${callFrame.lineNumber + 1})`;
}

function isCpuProfile(value: unknown): value is CpuProfile {
  return typeof value === 'object' && value !== null && 'nodes' in value && 'timeDeltas' in value;
}
