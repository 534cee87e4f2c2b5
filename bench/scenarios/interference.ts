/**
 * Tells a reader when something else was using the machine: a rate measured then is too low, while CPU time per message is
 * still about right.
 */
import type { ObservedUsage } from '../brokers/launch.ts';
import { coreCount } from '../machine/cpu-pinning.ts';

/** Below this part of the machine's CPU time, what others use is taken for the ordinary noise of a quiet machine. */
const OTHERS_PART_MIN = 0.05;

/** One remark, or none. `driverCpuMs`: CPU time of the drivers during the same stretch of time. */
export function interference(usage: ObservedUsage, driverCpuMs: number): string[] {
  const capacityMs = usage.elapsedMs * coreCount;
  const part = (usage.machineCpuMs - usage.cpuMs - driverCpuMs) / capacityMs;
  return part > OTHERS_PART_MIN ? [`others used ${(100 * part).toFixed(0)} % of the machine`] : [];
}
