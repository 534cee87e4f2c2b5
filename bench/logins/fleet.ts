/** Devices that all log in at the same time, and try again a while after they were refused, until everybody is in. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { generate } from 'mqtt-packet';
import { monotonicMs } from '../driver/monotonic-clock.ts';

export interface FleetLogin {
  /** Seconds from the first attempt, one for each device, in order. */
  readonly seconds: readonly number[];
  readonly refused: number;
  readonly sockets: readonly Socket[];
}

const RETRY_MS = 1_000;
/** Pauses between half and one and a half times the average, so that who failed together does not come back together. */
const PAUSES = 100;
const GIVE_UP_MS = 300_000;
const CONNACK = 0x20;
const CONNACK_BYTES = 4;

export async function logInAll(
  port: number,
  names: readonly string[],
  password: string,
): Promise<FleetLogin> {
  const fromMs = monotonicMs();
  const seconds: number[] = [];
  let refused = 0;
  const sockets = await Promise.all(
    names.map(async (name, index) => {
      for (;;) {
        try {
          const socket = await logIn(port, name, password);
          seconds.push((monotonicMs() - fromMs) / 1_000);
          return socket;
        } catch (error) {
          refused++;
          if (monotonicMs() - fromMs > GIVE_UP_MS) throw error;
          await delay(RETRY_MS * (0.5 + (index % PAUSES) / PAUSES));
        }
      }
    }),
  );
  return { seconds, refused, sockets };
}

/** Rejects when the answer is no. */
function logIn(port: number, name: string, password: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const end = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.on('error', end);
    socket.on('close', () => {
      end(new Error('closed before CONNACK'));
    });
    socket.on('connect', () => {
      socket.write(
        generate({
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 4,
          clean: true,
          keepalive: 0,
          clientId: name,
          username: name,
          password: Buffer.from(password),
        }),
      );
    });
    socket.once('data', (bytes) => {
      const isIn = bytes.length === CONNACK_BYTES && bytes[0] === CONNACK && bytes[3] === 0;
      if (isIn) resolve(socket);
      else end(new Error(`CONNACK ${bytes.toString('hex')}`));
    });
  });
}
