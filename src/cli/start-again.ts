/** A broker that has lost its place among the others is taken apart, and another run of it started in the same process. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../app/logging.ts';
import type { RunningBroker } from '../app/running-broker.ts';
import { withinDeadline, type StopSignals } from './graceful-stop.ts';

export interface StartAgainOptions {
  readonly lost: RunningBroker;
  readonly start: () => Promise<RunningBroker>;
  /** For what is left of the lost one. It writes nothing more, whether this is long enough or not. */
  readonly deadlineMs: number;
  readonly signals: StopSignals;
  readonly logger: Logger;
}

const FIRST_PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 30_000;

/** Tries until it starts; undefined: a signal came first. Rejects when what is left of the lost one cannot be taken apart. */
export async function startAgain(options: StartAgainOptions): Promise<RunningBroker | undefined> {
  const { lost, start, deadlineMs, signals, logger } = options;
  if (!(await withinDeadline(lost.stop(), deadlineMs)))
    throw new Error('the broker lost its place, and could not be taken apart to start again');
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const stopped = signals.first.then(() => undefined);
    const started = await Promise.race([stopped, attempt(start, logger)]);
    if (started !== 'failed') return started;
    if ((await Promise.race([signals.first, delay(pauseMs, 'paused')])) !== 'paused') return undefined;
  }
}

async function attempt(
  start: () => Promise<RunningBroker>,
  logger: Logger,
): Promise<RunningBroker | 'failed'> {
  try {
    return await start();
  } catch (error) {
    logger.error({ err: error }, 'the broker did not start again yet');
    return 'failed';
  }
}
