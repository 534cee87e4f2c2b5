/** What a server says first on a connection of its own: enough to know that it serves. */
import { createConnection } from 'node:net';

const CALL_MS_MAX = 5_000;

/**
 * Connects to `port` of 127.0.0.1, sends `request` if there is one, and resolves with what `answerOf` finds in all that came back.
 * Rejects when that does not come in time.
 */
export async function firstAnswer(
  port: number,
  request: string | Uint8Array | undefined,
  answerOf: (received: Buffer) => Buffer | undefined,
): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.setTimeout(CALL_MS_MAX, () => socket.destroy(new Error(`no answer within ${CALL_MS_MAX} ms`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    if (request !== undefined) socket.write(request);
    let received: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const answer = answerOf(received);
      if (answer === undefined) return;
      resolve(answer);
      socket.destroy();
    });
  });
}
