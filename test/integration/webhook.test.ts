/** Logins that a service of the operator decides about, over MQTT: what it says counts, and nobody gets in while it is away. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REASON } from '../../src/mqtt/reason-code.ts';
import { RunningBroker } from '../support/running-broker.ts';
import { publish } from './support/exchanges.ts';
import { MQTT_3_1_1, MQTT_5, newClientId, type Version } from './support/versions.ts';

const SERVER_UNAVAILABLE = 3;
const BAD_USER_NAME_OR_PASSWORD = 4;

let directory: string;
let server: Server;
let broker: RunningBroker;
const asked: { readonly clientName: string; readonly headers: unknown }[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spoke-webhook-'));
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { clientName, password } = JSON.parse(body) as { clientName: string; password: string | null };
      const { authorization, 'x-site': site } = request.headers;
      asked.push({ clientName, headers: { authorization, site } });
      if (clientName === 'stranger') response.end('{"result":"ignore"}');
      else if (clientName === 'broken') response.end('{"result":"allow","rules":"all"}');
      else if (password !== 'secret') response.end('{"result":"deny"}');
      else if (clientName === 'bike') response.end('{"result":"allow","rules":["allow all devices/%c/#"]}');
      else response.end('{"result":"allow"}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const headersFile = join(directory, 'headers');
  await writeFile(headersFile, '# of this site\nX-Site: north\n');
  broker = await RunningBroker.start({
    auth: {
      mode: 'chain',
      chain: ['http', 'anonymous'],
      anonymousRules: ['allow all #'],
      http: {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`,
        authorization: 'Bearer ours',
        headersFile,
        rules: ['allow publish common'],
        ttlMs: 60_000,
      },
    },
  });
});

afterAll(async () => {
  await broker.dispose();
  server.close();
  await rm(directory, { recursive: true });
});

function connect(version: Version, username: string, password = 'secret', clientId = newClientId()) {
  return broker.connect(version, { clientId, username, password: Buffer.from(password) });
}

it('lets in whom it allows, with its rules, and asks once for the same login', async () => {
  const clientId = newClientId('bike');
  for (let turn = 0; turn < 2; turn++) {
    const { client, connack } = await connect(MQTT_5, 'bike', 'secret', clientId);
    expect(connack.reasonCode).toBe(0);
    const code = (topic: string) => publish(client, { topic, qos: 1 });
    expect(await code(`devices/${clientId}/x`)).toBe(REASON.noMatchingSubscribers);
    expect(await code('devices/other/x')).toBe(REASON.notAuthorized);
    expect(await code('common')).toBe(REASON.notAuthorized);
  }
  expect(asked).toEqual([{ clientName: 'bike', headers: { authorization: 'Bearer ours', site: 'north' } }]);
  const { client } = await connect(MQTT_5, 'other');
  expect(await publish(client, { topic: 'common', qos: 1 })).toBe(REASON.noMatchingSubscribers);
});

it('keeps out whom it denies, and whom it does not know as no other does', async () => {
  for (const [name, password] of [
    ['bike', 'wrong'],
    ['stranger', 'secret'],
  ] as const) {
    const { connack } = await connect(MQTT_5, name, password);
    expect(connack.reasonCode).toBe(REASON.badUserNameOrPassword);
    expect((await connect(MQTT_3_1_1, name, password)).connack.returnCode).toBe(BAD_USER_NAME_OR_PASSWORD);
  }
});

it('that cannot be understood, or is gone, lets nobody in, and the chain ends there', async () => {
  expect((await connect(MQTT_5, 'broken')).connack.reasonCode).toBe(REASON.serverUnavailable);
  const remembered = newClientId();
  expect((await connect(MQTT_5, 'known', 'secret', remembered)).connack.reasonCode).toBe(0);
  server.closeAllConnections();
  server.close();
  expect((await connect(MQTT_5, 'new')).connack.reasonCode).toBe(REASON.serverUnavailable);
  expect((await connect(MQTT_3_1_1, 'new')).connack.returnCode).toBe(SERVER_UNAVAILABLE);
  expect((await connect(MQTT_5, 'known', 'secret', remembered)).connack.reasonCode).toBe(0);
  expect((await broker.connect(MQTT_5, { clientId: 'guest' })).connack.reasonCode).toBe(0);
  const page = await (await broker.admin('/metrics')).text();
  expect(page).toMatch(/^spoke_http_auth_failures_total 3$/m);
});
