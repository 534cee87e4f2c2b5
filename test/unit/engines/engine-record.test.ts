import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  claimDataDirectory,
  readRecord,
  runningProcesses,
  stopRecorded,
  writeRecord,
} from '../../../engines/engine-record.ts';
import type { EngineRecord } from '../../../engines/engine-record.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** Two servers that run on the directory, started one after the other, and their record in it. */
async function recordedServers(directory: string): Promise<EngineRecord> {
  const start = async (role: string) => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)', directory], {
      stdio: 'ignore',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    const log = join(directory, `${role}.log`);
    return { role, pid: child.pid ?? 0, port: 20_000, log, startedAt: new Date().toISOString() };
  };
  const record = {
    engine: 'hbase',
    form: 'standalone',
    address: '127.0.0.1:20000',
    processes: [await start('ZooKeeper'), await start('HBase')],
  };
  await writeRecord(directory, record);
  return record;
}

test('an engine can be stopped by whoever knows its data directory', async () => {
  const directory = await temporaryDirectory();
  const record = await recordedServers(directory);
  expect(await readRecord(directory)).toEqual(record);
  expect(await runningProcesses(directory, record)).toEqual(record.processes);
  expect(await stopRecorded(directory)).toEqual(record.processes);
  expect(await runningProcesses(directory, record)).toEqual([]);
  expect(await stopRecorded(directory)).toEqual([]);
});

test('a process of somebody else who was given the same id is left alone', async () => {
  const directory = await temporaryDirectory();
  const { processes, ...rest } = await recordedServers(await temporaryDirectory());
  await writeRecord(directory, { ...rest, processes });
  expect(await stopRecorded(directory)).toEqual([]);
  for (const { pid } of processes) expect(process.kill(pid, 0)).toBe(true);
});

test('an empty directory, a new one and one of the same form can be used', async () => {
  const directory = await temporaryDirectory();
  await claimDataDirectory(directory, 'hbase', 'standalone');
  await claimDataDirectory(join(directory, 'new'), 'hbase', 'standalone');
  const stopped = join(directory, 'stopped');
  await claimDataDirectory(stopped, 'hbase', 'standalone');
  await recordedServers(stopped);
  await stopRecorded(stopped);
  await claimDataDirectory(stopped, 'hbase', 'standalone');
});

test('a directory in use, of another form, or with other things in it is refused with what to do', async () => {
  const directory = await temporaryDirectory();
  await recordedServers(directory);
  const claim = async (form: string) => await claimDataDirectory(directory, 'hbase', form);
  await expect(claim('standalone')).rejects.toThrow(
    /hbase runs on .* already, as ZooKeeper .*engines -- hbase stop/,
  );
  await stopRecorded(directory);
  await expect(claim('processes')).rejects.toThrow('belongs to hbase (standalone), not to hbase (processes)');
  const other = await temporaryDirectory();
  await writeFile(join(other, 'thesis.txt'), 'irreplaceable');
  await expect(claimDataDirectory(other, 'hbase', 'standalone')).rejects.toThrow('Name an empty directory');
});

test('a record that cannot be read is said to be so', async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'engine.json'), '{"engine":');
  await expect(readRecord(directory)).rejects.toThrow('engine.json cannot be read');
});
