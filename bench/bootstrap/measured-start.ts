/**
 * A broker process that starts on prepared state and tells its parent what that took. Needs
 * `--expose-gc`: memory is read after a collection, so that it is what the state holds and not what the start left.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { startBroker } from '../../src/app/broker-process.ts';
import { configSchema, type SpokeConfig } from '../../src/app/config-schema.ts';
import { createLogger } from '../../src/app/logging.ts';

export interface MeasuredStart {
  /** From the start of the process, modules included, to open listeners. */
  readonly readyMs: number;
  /** Of the session log's fold, as the broker logs it. */
  readonly snapshotMs: number;
  readonly tailMs: number;
  readonly folded: number;
  /** Longest time in which the event loop did not turn. */
  readonly stallMs: number;
  /** Stalls of 99 in 100 turns were at most this. */
  readonly stallP99Ms: number;
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly residentPeakBytes: number;
  readonly heapBytes: number;
  /** Array buffers: outside the garbage-collected heap. */
  readonly bufferBytes: number;
}

const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;
const BYTES_PER_KIB = 1024;

interface Restored {
  readonly snapshotMs: number;
  readonly tailMs: number;
  readonly snapshotRows: number;
  readonly tailRecords: number;
}

async function measure(config: SpokeConfig): Promise<MeasuredStart> {
  const restored: Restored[] = [];
  const logger = createLogger(config.log, {
    isTerminal: false,
    write: (line) => {
      const record = JSON.parse(line) as { readonly topic?: string; readonly msg: string } & Restored;
      if (record.msg === 'state restored' && record.topic === 'sessions') restored.push(record);
    },
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await startBroker(config, logger);
  const readyMs = performance.now();
  delay.disable();
  const { user, system } = process.cpuUsage();
  const [sessions] = restored;
  if (sessions === undefined) throw new Error('the broker did not log that its sessions are restored');
  if (globalThis.gc === undefined) throw new Error('start this process with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const memory = process.memoryUsage();
  return {
    readyMs,
    snapshotMs: sessions.snapshotMs,
    tailMs: sessions.tailMs,
    folded: sessions.snapshotRows + sessions.tailRecords,
    stallMs: delay.max / NS_PER_MS,
    stallP99Ms: delay.percentile(99) / NS_PER_MS,
    cpuMs: (user + system) / US_PER_MS,
    residentBytes: memory.rss,
    residentPeakBytes: process.resourceUsage().maxRSS * BYTES_PER_KIB,
    heapBytes: memory.heapUsed,
    bufferBytes: memory.arrayBuffers,
  };
}

const [config] = process.argv.slice(2);
if (config === undefined) throw new Error('usage: measured-start.js CONFIGURATION_AS_JSON');
const measured = await measure(configSchema.parse(JSON.parse(config)));
// The broker is not stopped: what it would still write is not measured.
process.send?.(measured, () => process.exit());
