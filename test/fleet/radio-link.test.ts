import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RadioLink, type Outage } from '../../src/fleet/radio-link.ts';

const ROUND_TRIP_MS = 200;

/** A link to a server that echoes, and the server's end of it. */
async function connected(): Promise<{ link: RadioLink; far: Socket; bytesToFar: () => number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => socket.write(chunk));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const link = new RadioLink({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, tls: false });
  const [far] = await accepted;
  onTestFinished(() => {
    far.destroy();
    link.destroy();
    server.close();
  });
  return { link, far, bytesToFar: () => far.bytesRead };
}

describe('a radio link', () => {
  it('carries bytes both ways', async () => {
    const { link } = await connected();
    link.write('ping');
    const [echo] = (await once(link, 'data')) as [Buffer];
    expect(echo.toString()).toBe('ping');
  });

  it.each<[Outage, string]>([
    ['closed', 'end'],
    ['reset', 'error'],
  ])('tells the far end when it is %s', async (outage, event) => {
    const { link, far } = await connected();
    const told = once(far, event);
    link.break(outage);
    await told;
    expect(link.destroyed).toBe(true);
  });

  it('tells nobody when it falls silent, and sends and takes nothing more', async () => {
    const { link, far, bytesToFar } = await connected();
    let told = false;
    for (const event of ['end', 'error', 'close']) far.once(event, () => (told = true));
    const before = bytesToFar();
    link.break('silent');
    link.write('lost', () => undefined);
    far.write('unheard');
    let heard = false;
    link.on('data', () => (heard = true));
    await new Promise((resolve) => setTimeout(resolve, ROUND_TRIP_MS));
    expect({ told, heard, bytes: bytesToFar() - before }).toEqual({ told: false, heard: false, bytes: 0 });
    expect(far.destroyed).toBe(false);
  });
});
