/** Chapter 6: MQTT over WebSocket, plain and secure. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { newClientId } from '../integration/support/versions.ts';
import { packet, str } from '../packets/wire.ts';
import { webSocketOf } from '../support/raw-stream.ts';
import { RunningBroker } from '../support/running-broker.ts';

const PINGREQ = Buffer.of(0xc0, 0);
const UNSUPPORTED_DATA = 1003;

let broker: RunningBroker;

beforeAll(async () => {
  broker = await RunningBroker.start();
});

afterAll(() => broker.dispose());

describe.each(['ws', 'wss'] as const)('%s', (transport) => {
  const open = async (subprotocols: readonly string[] = ['mqtt']): Promise<WebSocket> => {
    const webSocket = webSocketOf(transport, { port: broker.port(transport), subprotocols });
    await once(webSocket, 'open');
    return webSocket;
  };
  const connectBytes = () => packet(0x10, str('MQTT'), '04', '02', '0000', str(newClientId()));
  /** What has come once it has this many bytes. */
  const received = async (webSocket: WebSocket, byteCount: number): Promise<string> => {
    let bytes = Buffer.alloc(0);
    while (bytes.length < byteCount) {
      const [data] = (await once(webSocket, 'message')) as [Buffer];
      bytes = Buffer.concat([bytes, data]);
    }
    return bytes.toString('hex');
  };

  it('a text frame closes the connection [3.1.1 MQTT-6.0.0-1] [5.0 MQTT-6.0.0-1]', async () => {
    const webSocket = await open();
    webSocket.send('text');
    const [code] = (await once(webSocket, 'close')) as [number];
    expect(code).toBe(UNSUPPORTED_DATA);
  });

  it('packets may be cut at every byte, and share a frame [3.1.1 MQTT-6.0.0-2] [5.0 MQTT-6.0.0-2]', async () => {
    const cut = await open();
    const answered = received(cut, 6);
    for (const byte of Buffer.concat([connectBytes(), PINGREQ])) cut.send(Buffer.of(byte));
    expect(await answered).toBe('20020000' + 'd000');
    const joined = await open();
    joined.send(Buffer.concat([connectBytes(), PINGREQ, PINGREQ]));
    expect(await received(joined, 8)).toBe('20020000' + 'd000' + 'd000');
    cut.terminate();
    joined.terminate();
  });

  it('the subprotocol is mqtt, and must be offered [3.1.1 MQTT-6.0.0-3, MQTT-6.0.0-4] [5.0 MQTT-6.0.0-3, MQTT-6.0.0-4]', async () => {
    const webSocket = await open(['other', 'mqtt']);
    expect(webSocket.protocol).toBe('mqtt');
    webSocket.terminate();
    await expect(open(['other'])).rejects.toThrow('400');
    await expect(open([])).rejects.toThrow('400');
  });
});
