import { once, EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { RunningBroker } from '../../../src/app/running-broker.ts';
import { CliHarness } from './cli-harness.ts';

const FAST_DEADLINE = { SPOKE_SHUTDOWN_DEADLINE_MS: '20', SPOKE_LOG_FORMAT: 'json' };

function harness(stop: () => Promise<void>, environment: Record<string, string> = {}, terminal = false) {
  const events = new EventEmitter();
  const heard = (event: string): Promise<string> => once(events, event).then(([reason]) => String(reason));
  const stopRequested = heard('stopRequested');
  const newBroker = (): RunningBroker => ({
    listeners: [
      { transport: 'tcp', host: '127.0.0.1', port: 41883 },
      { transport: 'wss', host: '::1', port: 48084, path: '/mqtt' },
    ],
    adminUrl: 'http://127.0.0.1:49883',
    reload: () => {
      events.emit('reload');
      return Promise.resolve();
    },
    stopRequested,
    lost: heard('lost'),
    stop: () => {
      events.emit('stop');
      return stop();
    },
  });
  const cli = new CliHarness({
    directory: tmpdir(),
    environment,
    terminal,
    startBroker: () => {
      setImmediate(() => events.emit('started'));
      return Promise.resolve(newBroker());
    },
  });
  return { cli, events };
}

describe('spoke start', () => {
  it('says where clients connect, stops gracefully on SIGTERM and exits with 0', async () => {
    const { cli, events } = harness(() => Promise.resolve(), {}, true);
    const run = cli.run('start');
    await once(events, 'started');
    cli.signal('SIGTERM');
    const { code, out } = await run;
    expect(code).toBe(0);
    expect(out).toContain('mqtt://127.0.0.1:41883');
    expect(out).toContain('wss://[::1]:48084/mqtt');
    expect(out).toMatch(/stopped\n$/);
    expect(cli.exits).toEqual([]);
    expect(cli.listensForSignals).toBe(false);
  });

  it('reads files again on SIGHUP', async () => {
    const { cli, events } = harness(() => Promise.resolve());
    const run = cli.run('start');
    await once(events, 'started');
    const reloaded = once(events, 'reload');
    cli.hangUp();
    await reloaded;
    cli.signal('SIGTERM');
    expect((await run).code).toBe(0);
  });

  it('writes one JSON object per line where there is no terminal', async () => {
    const { cli, events } = harness(() => Promise.resolve());
    const run = cli.run('start');
    await once(events, 'started');
    cli.signal('SIGINT');
    const lines = (await run).out.trimEnd().split('\n');
    const records = lines.map((line): unknown => JSON.parse(line));
    expect(records).toMatchObject([
      { msg: 'ready' },
      { msg: 'stopping', signal: 'SIGINT' },
      { msg: 'stopped' },
    ]);
  });

  it('stops gracefully when the broker is asked to through its admin API', async () => {
    const { cli, events } = harness(() => Promise.resolve());
    const run = cli.run('start');
    await once(events, 'started');
    events.emit('stopRequested', 'drained');
    const { code, out } = await run;
    expect(code).toBe(0);
    expect(out).toContain('"reason":"drained"');
    expect(cli.listensForSignals).toBe(false);
  });

  it('starts the broker again when it has lost its place among the others', async () => {
    const { cli, events } = harness(() => Promise.resolve());
    const run = cli.run('start');
    await once(events, 'started');
    const startedAgain = once(events, 'started');
    events.emit('lost', 'its session expired');
    await startedAgain;
    events.emit('stopRequested', 'drained');
    const { code, out } = await run;
    expect(code).toBe(0);
    expect(out.match(/"msg":"ready"/g)).toHaveLength(2);
  });

  it('ends at once on the second signal', async () => {
    const { cli, events } = harness(() => new Promise(() => undefined), { SPOKE_LOG_FORMAT: 'json' });
    void cli.run('start');
    await once(events, 'started');
    const stopping = once(events, 'stop');
    cli.signal('SIGTERM');
    await stopping;
    expect(cli.exits).toEqual([]);
    cli.signal('SIGTERM');
    expect(cli.exits).toEqual([1]);
  });

  it('cuts a stop short that takes longer than the deadline', async () => {
    const { cli, events } = harness(() => new Promise(() => undefined), FAST_DEADLINE);
    const run = cli.run('start');
    await once(events, 'started');
    cli.signal('SIGTERM');
    await run;
    expect(cli.exits).toEqual([1]);
    expect(cli.out).toContain('longer than the deadline');
  });

  it('reports why the broker did not start, without a stack', async () => {
    const cli = new CliHarness({
      directory: tmpdir(),
      startBroker: () => Promise.reject(new Error('127.0.0.1:1883 is in use: stop the other broker')),
    });
    const { code, err } = await cli.run('start');
    expect({ code, err }).toEqual({
      code: 1,
      err: 'The broker did not start: 127.0.0.1:1883 is in use: stop the other broker\n',
    });
  });

  it('exits with 2 when the configuration is wrong', async () => {
    const cli = new CliHarness({ directory: tmpdir(), environment: { SPOKE_DURABILITY: 'maybe' } });
    const { code, err } = await cli.run('start');
    expect({ code, err }).toEqual({
      code: 2,
      err: 'SPOKE_DURABILITY: durability: is "maybe". Use one of fsync, os.\n',
    });
  });
});

describe('spoke', () => {
  const cli = new CliHarness({ directory: tmpdir() });

  it('exits with 2 for what it does not know, with 0 for help and version', async () => {
    expect((await cli.run('strat')).code).toBe(2);
    expect((await cli.run('start', '--nope')).code).toBe(2);
    expect((await cli.run('--help')).code).toBe(0);
    expect(await cli.run('--version')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as unknown,
    });
  });

  it('checks a configuration without starting anything', async () => {
    expect(await cli.run('config', 'check')).toMatchObject({
      code: 0,
      out: expect.stringContaining('can be used') as unknown,
    });
    expect((await cli.run('config', 'check', '--print')).out).toContain('durability: fsync');
    expect(JSON.parse((await cli.run('config', 'check', '--json')).out)).toMatchObject({
      durability: 'fsync',
    });
  });
});
