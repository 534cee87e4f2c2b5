import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accepts, BrokerChild, BrokerChildError, freePort } from '../../src/fleet/broker-child.ts';

const HOST = '127.0.0.1';

/** A "broker" that is some JavaScript; `PORT` is where it should listen. */
async function childRunning(script: string): Promise<{ child: BrokerChild; port: number; logFile: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'broker-child-'));
  const port = await freePort(HOST, Math.random);
  const logFile = join(directory, 'broker.log');
  const child = new BrokerChild({
    command: process.execPath,
    args: ['-e', script],
    environment: { ...process.env, PORT: `${port}` },
    host: HOST,
    port,
    logFile,
  });
  onTestFinished(async () => {
    await child.kill();
    await rm(directory, { recursive: true });
  });
  return { child, port, logFile };
}

const LISTENING = `require('node:net').createServer(() => {}).listen(process.env.PORT, '127.0.0.1'); console.log('up')`;

describe('a broker as a child process', () => {
  it('is ready when it listens, gone when killed, and there again on the same port', async () => {
    const { child, port, logFile } = await childRunning(LISTENING);
    for (let run = 1; run <= 2; run++) {
      expect(await child.start()).toBeGreaterThan(0);
      expect(await accepts(HOST, port)).toBe(true);
      await child.kill();
      expect(await accepts(HOST, port)).toBe(false);
    }
    expect(child.crash).toBeUndefined();
    expect(await readFile(logFile, 'utf8')).toBe('up\nup\n');
  });

  it('says how it ended and where its log is when it does not come up', async () => {
    const { child, logFile } = await childRunning('process.exit(3)');
    const failure = child.start();
    await expect(failure).rejects.toThrow(BrokerChildError);
    await expect(failure).rejects.toThrow(`exit code 3 before it was ready: look into its log ${logFile}`);
  });

  it('remembers that it ended although nobody killed it', async () => {
    const { child, port } = await childRunning(
      `${LISTENING}; process.stdin.resume(); setTimeout(() => process.exit(4), 300)`,
    );
    await child.start();
    await expect.poll(() => accepts(HOST, port), { timeout: 10_000 }).toBe(false);
    await expect
      .poll(() => child.crash?.message, { timeout: 10_000 })
      .toContain('ended by itself with exit code 4');
  });

  it('stops with SIGTERM when it listens to that', async () => {
    const { child } = await childRunning(LISTENING);
    await child.start();
    expect(await child.stop()).toBe(true);
    expect(child.crash).toBeUndefined();
  });

  it('says so when the command cannot be started at all', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'broker-child-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const child = new BrokerChild({
      command: '/nowhere/broker',
      args: [],
      environment: {},
      host: HOST,
      port: await freePort(HOST, Math.random),
      logFile: join(directory, 'broker.log'),
    });
    await expect(child.start()).rejects.toThrow('/nowhere/broker could not be started');
  });
});
