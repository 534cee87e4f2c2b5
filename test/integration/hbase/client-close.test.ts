/** After `close` nothing keeps a process alive, whatever the client was doing: shown with processes of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, inject, it } from 'vitest';

const BUILT = new URL('../../../dist/src/', import.meta.url);
/** Nothing to wait for is left after `close`; this is for a busy machine, and for ZooKeeper's goodbye. */
const EXIT_MS_MAX = 5_000;

function program(quorum: string, meanwhile: string): string {
  return `
    import { HBaseClient } from ${JSON.stringify(new URL('adapters/hbase/client/hbase-client.js', BUILT).href)};
    import { SystemTimers } from ${JSON.stringify(new URL('transport/system-time.js', BUILT).href)};
    const client = await HBaseClient.connect({ zookeeperQuorum: ${JSON.stringify(quorum)}, timers: new SystemTimers() });
    const codes = [];
    const failed = (error) => codes.push(error.code);
    ${meanwhile}
    const closedAt = performance.now();
    client.close();
    client.close();
    process.on('exit', () => {
      console.log(JSON.stringify({ codes, exitMs: Math.round(performance.now() - closedAt) }));
    });`;
}

it.each([
  { name: 'has done nothing yet', meanwhile: '', codes: [] },
  {
    name: 'has called master and regions',
    meanwhile: `await client.master.namespaces(); for await (const _ of client.scan({ table: 'hbase:meta' }));`,
    codes: [],
  },
  {
    name: 'is in the middle of a scan',
    meanwhile: `const scan = client.scan({ table: 'hbase:meta', batchRows: 1 }); await scan.next();`,
    codes: [],
  },
  {
    name: 'waits for an answer',
    meanwhile: `await client.master.namespaces(); client.master.namespaces().catch(failed);`,
    codes: ['CLOSED'],
  },
  {
    name: 'cannot reach ZooKeeper',
    quorum: '127.0.0.1:1',
    meanwhile: `client.get({ table: 't', row: Buffer.from('r') }).catch(failed); await new Promise((r) => setTimeout(r, 300));`,
    codes: ['CLOSED'],
  },
])('a process ends when its client is closed that $name', async ({ meanwhile, codes, quorum }) => {
  if (!existsSync(new URL('adapters/hbase/client/hbase-client.js', BUILT))) {
    throw new Error(`${fileURLToPath(BUILT)} is missing or old: run "npm run build" first`);
  }
  const source = program(quorum ?? inject('zookeeperQuorum'), meanwhile);
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' });
  const told = JSON.parse(output) as { codes: string[]; exitMs: number };
  expect(told.codes).toEqual(codes);
  expect(told.exitMs).toBeLessThan(EXIT_MS_MAX);
});
