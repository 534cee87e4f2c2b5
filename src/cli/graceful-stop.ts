/** How a long-running command ends: at the first signal gracefully within a deadline, at the second at once. */
import type { Logger } from '../app/logging.ts';
import { EXIT } from './cli-context.ts';
import type { CliContext } from './cli-context.ts';

export interface StopSignals {
  /** Resolves with the name of the first. */
  readonly first: Promise<string>;
  readonly ignore: () => void;
}

export function stopSignals(context: CliContext, logger: Logger): StopSignals {
  const { promise: first, resolve } = withResolvers<string>();
  let signals = 0;
  const ignore = context.onStopSignal((signal) => {
    signals++;
    if (signals === 1) {
      resolve(signal);
      return;
    }
    logger.warn({ signal }, 'second signal: ending at once');
    context.exit(EXIT.failure);
  });
  return { first, ignore };
}

/** Ends the process when `stopped` has not resolved by the deadline. Rejects when it does. */
export async function stopWithin(
  stopped: Promise<void>,
  deadlineMs: number,
  signals: StopSignals,
  context: CliContext,
  logger: Logger,
): Promise<void> {
  const inTime = await withinDeadline(stopped, deadlineMs);
  signals.ignore();
  if (inTime) {
    logger.info('stopped');
    return;
  }
  logger.warn({ deadlineMs }, 'stopping took longer than the deadline: ending at once');
  context.exit(EXIT.failure);
}

/** false: `work` was still going on after `deadlineMs`. */
export async function withinDeadline(work: Promise<void>, deadlineMs: number): Promise<boolean> {
  const { promise: deadline, resolve } = withResolvers<false>();
  const timer = setTimeout(() => {
    resolve(false);
  }, deadlineMs);
  try {
    return await Promise.race([work.then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
