/** The MariaDB or MySQL that later work needs: started, greeted by, stopped, its data kept where they were asked to be. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRecord, runningProcesses, stopRecorded } from '../../../engines/engine-record.ts';
import { startMySql } from '../../../engines/mysql/mysql-engine.ts';
import { serverVersion } from '../../../engines/mysql/mysql-greeting.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

it('greets with its version, can be found and stopped by its record, and uses its data again', async () => {
  const dataDirectory = join(await temporaryDirectory(), 'mysql');
  const mysql = await startMySql({ dataDirectory });
  expect(await serverVersion(mysql.port)).toMatch(/^\d+\.\d+/);

  const record = await readRecord(dataDirectory);
  expect(record?.processes).toHaveLength(1);
  expect(await runningProcesses(dataDirectory, record!)).toHaveLength(1);
  await stopRecorded(dataDirectory);
  await expect(serverVersion(mysql.port)).rejects.toThrow('ECONNREFUSED');

  const again = await startMySql({ dataDirectory, port: mysql.port });
  expect(await serverVersion(again.port)).toMatch(/^\d+\.\d+/);
  await again.stop();
});
