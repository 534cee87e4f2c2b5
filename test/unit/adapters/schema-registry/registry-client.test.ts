/** What a registry, or something that is none, may answer: every case has a code, says where, and what to do. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { RegistryClient } from '../../../../src/adapters/schema-registry/registry-client.ts';

const TIMEOUT_MS = 5_000;

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answering(status: number, body: unknown): Promise<RegistryClient> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const url = await listen((_request, response) => response.writeHead(status).end(text));
  return new RegistryClient(url, TIMEOUT_MS);
}

test.each([
  [200, '<html>Welcome</html>', 'SCHEMA_REGISTRY_UNEXPECTED', /answered 200 "<html>Welcome.*Confluent API/],
  [200, { id: 'seven' }, 'SCHEMA_REGISTRY_UNEXPECTED', /Confluent API/],
  [200, { id: 2 ** 32 }, 'SCHEMA_REGISTRY_UNEXPECTED', /Confluent API/],
  [404, { error: 'Not Found' }, 'SCHEMA_REGISTRY_UNEXPECTED', /answered 404/],
  [422, { error_code: 42201, message: 'Invalid schema' }, 'SCHEMA_REGISTRY_UNEXPECTED', /Invalid schema/],
  [401, { error_code: 401, message: 'Unauthorized' }, 'SCHEMA_REGISTRY_REFUSED', /a user and a password/],
  [403, '', 'SCHEMA_REGISTRY_REFUSED', /a user and a password/],
  [503, 'starting', 'SCHEMA_REGISTRY_UNAVAILABLE', /"starting".*check that it runs/],
])('an answer of %i %j to a look-up is %s', async (status, body, code, message) => {
  const client = await answering(status, body);
  await expect(client.lookUp('spokemq.SessionState', '{}')).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});

test.each([40_401, 40_403])('error %i means that the schema is not registered', async (errorCode) => {
  const client = await answering(404, { error_code: errorCode, message: 'not found' });
  expect(await client.lookUp('spokemq.SessionState', '{}')).toBeUndefined();
});

test('a schema that the registry finds incompatible is told with its words', async () => {
  const client = await answering(409, { error_code: 409, message: 'reader lacks field x' });
  await expect(client.register('spokemq.SessionState', '{}')).rejects.toMatchObject({
    code: 'SCHEMA_INCOMPATIBLE',
    message: expect.stringMatching(/register spokemq.SessionState.*reader lacks field x/) as string,
  });
});

test('nobody there, and somebody who does not answer, are both unavailable', async () => {
  const url = await listen(() => undefined);
  const silent = new RegistryClient(url, 50);
  await expect(silent.lookUp('a', '{}')).rejects.toMatchObject({ code: 'SCHEMA_REGISTRY_UNAVAILABLE' });
  // A port that was free a moment ago, and that this process holds in no way.
  const gone = new RegistryClient('http://127.0.0.1:1', TIMEOUT_MS);
  await expect(gone.lookUp('a', '{}')).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNAVAILABLE',
    message: expect.stringMatching(/^Schema registry http:\/\/127.0.0.1:1: could not look up a/) as string,
  });
});

test('user and password go into a header, and into no message', async () => {
  const seen: unknown[] = [];
  const url = await listen((request, response) => {
    seen.push([request.method, request.url, request.headers.authorization]);
    response.writeHead(500).end('oops');
  });
  const client = new RegistryClient(url.replace('//', '//ops:p%40ss@') + '/api/', TIMEOUT_MS);
  const failure: unknown = await client.register('a b', '{}').catch((error: unknown) => error);
  expect(seen).toEqual([['POST', '/api/subjects/a%20b/versions', `Basic ${btoa('ops:p@ss')}`]]);
  expect(String(failure)).toContain(`${url}/api: could not register a b`);
  expect(String(failure)).not.toContain('p@ss');
});
