import { getHeapStatistics } from 'node:v8';
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient } from '../../support/raw-client.ts';
import { startEchoBroker, type EchoBroker } from './echo-broker.ts';

const CONNECTIONS = 1_000;
/** Server and client end share this process, and the collector was not asked: a sanity bound, not the target. */
const HEAP_BYTES_PER_CONNECTION_MAX = 40_000;

let broker: EchoBroker;

afterEach(async () => {
  await broker.server.close();
});

function timeouts(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

describe('1,000 idle connections', () => {
  it('cost no timer each, little memory, and all still answer', { timeout: 60_000 }, async () => {
    broker = await startEchoBroker();
    const timersBefore = timeouts();
    const heapBefore = getHeapStatistics().used_heap_size;
    const clients: RawClient[] = [];
    for (let index = 0; index < CONNECTIONS; index++) {
      const { client } = await RawClient.connect({ port: broker.port }, { keepalive: 60 });
      clients.push(client);
    }
    expect(timeouts() - timersBefore).toBeLessThan(10);
    const heapBytes = getHeapStatistics().used_heap_size - heapBefore;
    expect(heapBytes / CONNECTIONS).toBeLessThan(HEAP_BYTES_PER_CONNECTION_MAX);
    expect(broker.server.connectionCount).toBe(CONNECTIONS);

    await Promise.all(clients.map((client) => client.roundTrip()));
    for (const client of clients) client.end();
    await broker.server.drain(30_000);
    expect(broker.links.every(({ closed }) => closed.length === 1 && closed[0] === 'client')).toBe(true);
  });
});
