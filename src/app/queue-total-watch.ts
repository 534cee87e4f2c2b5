/**
 * Has queues counted every few seconds where the store does not know what a tenant's hold together, for as long as a tenant has a quota
 * of that. While they cannot be counted the last numbers stay.
 */
import type { Broker } from '../broker/broker.ts';
import type { TimerHandle, Timers } from '../time/clock.ts';
import type { Logger } from './logging.ts';
import type { QueueDepth } from './queue-depth.ts';

/** How often it is looked whether it is time; `QueueDepth` says when it is. */
const LOOK_EVERY_MS = 5_000;

export interface QueueTotalWatchOptions {
  readonly broker: Pick<Broker, 'tenants' | 'services'>;
  readonly depth: Pick<QueueDepth, 'refresh' | 'problem'>;
  readonly timers: Timers;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
}

/** Returns how to stop. */
export function watchQueueTotals(options: QueueTotalWatchOptions): () => void {
  const watch = new QueueTotalWatch(options);
  if (!options.broker.services.store.totalsAreExact) watch.start();
  return () => {
    watch.stop();
  };
}

class QueueTotalWatch {
  readonly #options: QueueTotalWatchOptions;
  #timer: TimerHandle | undefined;
  #isFailing = false;
  #isStopped = false;

  constructor(options: QueueTotalWatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#look().then(() => {
      if (this.#isStopped) return;
      this.#timer = this.#options.timers.after(LOOK_EVERY_MS, () => {
        this.start();
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { broker, depth, logger } = this.#options;
    if (!Array.from(broker.tenants()).some(({ limits }) => limits.durableQueue.together !== undefined))
      return;
    await depth.refresh();
    if (this.#isStopped) return;
    const isFailing = depth.problem !== undefined;
    if (isFailing && !this.#isFailing)
      logger.warn(
        { err: depth.problem },
        'queues cannot be counted: quotas of all queues of a tenant go by the last count',
      );
    if (!isFailing && this.#isFailing) logger.info('queues are counted again');
    this.#isFailing = isFailing;
  }
}
