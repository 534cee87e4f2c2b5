/** Maven where it is not installed: only what was published is unpacked, and the way out is told. */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { fetchedMaven } from '../../../engines/maven-distribution.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

async function repositoryThatAnswers(status: number): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end('something else'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  [200, 'is not the archive that was published'],
  [404, 'cannot be fetched'],
])('a repository that answers %i with something else', async (status, complaint) => {
  const cache = await temporaryDirectory();
  const fetching = fetchedMaven(await repositoryThatAnswers(status), cache);
  await expect(fetching).rejects.toThrow(complaint);
  await expect(fetching).rejects.toThrow('apt-get install maven');
  expect(await readdir(cache)).toEqual([]);
});
