/** What one broker, or several processes that serve as one, use of the machine. */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import { machineCpuMs, treeUsage, type Usage } from '../machine/process-usage.ts';
import type { ObservedUsage, RunningBroker } from './launch.ts';

/** `pids` is asked each time; they are the same ones during one observation. */
export function observed(
  pids: () => readonly number[],
): Pick<RunningBroker, 'usage' | 'usageBetween' | 'usageDuring'> {
  const usage = (): Usage => sum(pids().map((pid) => treeUsage(pid)));
  return {
    usage,
    usageBetween: async (fromMs, toMs) => {
      await delay(Math.max(0, fromMs - monotonicMs()));
      const finish = observe(usage);
      await delay(Math.max(0, toMs - monotonicMs()));
      return finish();
    },
    usageDuring: async (work) => {
      const finish = observe(usage);
      const result = await work();
      return { result, usage: finish() };
    },
  };
}

/** Starts to observe; the answer ends it. */
function observe(usage: () => Usage): () => ObservedUsage {
  const before = { ...usage(), machineMs: machineCpuMs(), atMs: monotonicMs() };
  return () => {
    const after = usage();
    return {
      elapsedMs: monotonicMs() - before.atMs,
      cpuMs: after.cpuMs - before.cpuMs,
      machineCpuMs: machineCpuMs() - before.machineMs,
      residentBytes: after.residentBytes,
    };
  };
}

function sum(parts: readonly Usage[]): Usage {
  return {
    cpuMs: parts.reduce((total, part) => total + part.cpuMs, 0),
    residentBytes: parts.reduce((total, part) => total + part.residentBytes, 0),
  };
}
