/**
 * Starts one broker on its own core, on a free loopback port, in a fresh data directory; ready when it accepts an MQTT
 * connection. Only processes started here are ever stopped, each by its own id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchClient } from '../driver/client.ts';
import { monotonicMs } from '../driver/monotonic-clock.ts';
import { pinned } from '../machine/cpu-pinning.ts';
import type { BrokerLauncher, RunningBroker } from './launch.ts';
import { observed } from './observed-processes.ts';

export interface StartOptions {
  /** Parent of the data directory. */
  readonly dataRoot: string;
  readonly nodeArgs: readonly string[];
}

const START_TIMEOUT_MS = 20_000;
const START_POLL_MS = 50;
const STOP_TIMEOUT_MS = 15_000;
/** The end of the broker's output that is shown when it does not start. */
const OUTPUT_CHARACTERS_MAX = 2000;

/** What an interrupted run must not leave behind: brokers and their data directories. */
const running = new Map<ChildProcess, string>();
process.on('exit', () => {
  for (const [child, dataDirectory] of running) {
    child.kill('SIGKILL');
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});
// Without a listener these signals end the process and no 'exit' is emitted.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

export async function startBroker(launcher: BrokerLauncher, options: StartOptions): Promise<RunningBroker> {
  const dataDirectory = mkdtempSync(join(options.dataRoot, `spoke-bench-${launcher.name}-`));
  const port = await freePort();
  const plan = launcher.plan({ port, dataDirectory, nodeArgs: options.nodeArgs });
  const { command, args } = pinned('broker', plan.command, plan.args);
  const child = spawn(command, args, {
    cwd: dataDirectory,
    env: { ...process.env, ...plan.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.set(child, dataDirectory);
  let output = '';
  const keepTail = (text: Buffer): void => {
    output = (output + text.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.on('data', keepTail);
  child.stderr.on('data', keepTail);
  child.on('error', (error) => {
    output += error.message;
  });
  const stop = async (): Promise<void> => {
    await stopChild(child);
    rmSync(dataDirectory, { recursive: true, force: true });
  };
  if (!(await acceptsConnections(child, port))) {
    await stop();
    throw new Error(
      `${launcher.name} did not accept a connection within ${START_TIMEOUT_MS} ms. It said: ${output.trim()}`,
    );
  }
  const pid = child.pid ?? 0;
  return {
    port,
    ...observed(() => [pid]),
    stop,
  };
}

async function acceptsConnections(child: ChildProcess, port: number): Promise<boolean> {
  const giveUpMs = monotonicMs() + START_TIMEOUT_MS;
  while (monotonicMs() < giveUpMs && child.exitCode === null) {
    try {
      const probe = await BenchClient.connect({
        port,
        clientId: 'bench-probe',
        cleanSession: true,
        onFailure: () => undefined,
      });
      await probe.disconnect();
      return true;
    } catch {
      await delay(START_POLL_MS);
    }
  }
  return false;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }
  running.delete(child);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
