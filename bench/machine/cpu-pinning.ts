/**
 * One core for the broker, the others for the drivers, so that neither is measured through the other's scheduling. Where
 * taskset is missing or there is one core only, everything shares what there is, and the result says so.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

export const coreCount = availableParallelism();
export const isPinned = coreCount > 1 && spawnSync('taskset', ['--version']).status === 0;

const CORES = { broker: '0', driver: coreCount === 2 ? '1' : `1-${coreCount - 1}` } as const;

export function pinned(role: keyof typeof CORES, command: string, args: readonly string[]): Command {
  return isPinned ? { command: 'taskset', args: ['-c', CORES[role], command, ...args] } : { command, args };
}
