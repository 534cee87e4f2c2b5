/**
 * Publishes the wills of sessions. Doing it again, after a crash or on another broker, appends nothing twice: each will of a
 * connection is a producer of its own.
 */
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { SessionState, Will } from '../session/events.ts';
import { willMessage, willProducer } from '../session/will.ts';
import type { Clock } from '../time/clock.ts';
import { PublishTicket } from './publish-ticket.ts';
import type { Publishing } from './publishing.ts';

export interface WillPublisherOptions {
  readonly publishing: Publishing;
  readonly clock: Clock;
  readonly messageAgeMaxS: number;
  readonly onWillPublished: () => void;
}

export class WillPublisher {
  readonly #options: WillPublisherOptions;

  constructor(options: WillPublisherOptions) {
    this.#options = options;
  }

  /** Resolves when the will is in every queue it goes to. */
  publish(session: SessionState, will: Will): Promise<void> {
    const { publishing, clock, messageAgeMaxS, onWillPublished } = this.#options;
    const nowMs = clock.nowMs();
    const message = willMessage(session, will, nowMs, messageAgeMaxS);
    onWillPublished();
    return new Promise((resolve, reject) => {
      const publishSettled = (ticket: PublishTicket): void => {
        if (ticket.failed)
          reject(new StoreUnavailableError('durable queue', 'the will was not stored in time'));
        else resolve();
      };
      const ticket = new PublishTicket({ publishSettled }, 0, nowMs);
      publishing.publish(message, ticket, { producer: willProducer(session), sequence: 1 });
      ticket.settle();
    });
  }
}
