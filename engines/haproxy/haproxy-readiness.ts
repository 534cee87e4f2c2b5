/** Waits until a HAProxy that was just started serves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../engine.ts';
import type { ServerProcess } from '../server-process.ts';

const READY_MS_MAX = 30_000;
const READY_POLL_MS = 50;

/**
 * Resolves when 200 is answered at `url`, and with `says` when that is the answer: before a reload somebody else answers. Rejects
 * when the process ends, or does not come so far.
 */
export async function untilServing(server: ServerProcess, url: string, says?: string): Promise<void> {
  const deadlineMs = performance.now() + READY_MS_MAX;
  let last: unknown;
  while (performance.now() < deadlineMs) {
    server.assertRunning();
    try {
      const response = await fetch(url);
      const answer = await response.text();
      if (response.ok && (says === undefined || answer === says)) return;
      last = `${response.status} ${answer}`;
    } catch (error) {
      last = error;
    }
    await sleep(READY_POLL_MS);
  }
  throw new EngineError(
    `HAProxy was not ready within ${READY_MS_MAX / 1000} s. Its log: ${server.plan.log}`,
    { cause: last },
  );
}
