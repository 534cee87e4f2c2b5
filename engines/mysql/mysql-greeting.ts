/** The first packet of a MySQL or MariaDB server: sent before anybody has said who they are, once it takes connections. */
import { firstAnswer } from '../first-answer.ts';

/** Length of the payload, three bytes, and a sequence number. */
const HEADER_BYTES = 4;
const PROTOCOL_VERSION = 10;

/** The version that the server on `port` of 127.0.0.1 names. Rejects with what it says instead. */
export async function serverVersion(port: number): Promise<string> {
  const payload = await firstAnswer(port, undefined, payloadOf);
  if (payload[0] !== PROTOCOL_VERSION)
    throw new Error(`the server answered "${payload.subarray(1).toString('latin1')}"`);
  return payload.toString('latin1', 1, payload.indexOf(0, 1));
}

function payloadOf(received: Buffer): Buffer | undefined {
  if (received.length < HEADER_BYTES) return undefined;
  const end = HEADER_BYTES + received.readUIntLE(0, HEADER_BYTES - 1);
  return received.length < end ? undefined : received.subarray(HEADER_BYTES, end);
}
