/** One incarnation that sends frames to this broker: what it has sent, across its connections, and the one that stands now. */
import type { Incarnation } from '../../tenancy/identity.ts';
import type { PeerFrame } from '../peer-frame.ts';
import type { FrameHandler } from '../peer-links.ts';
import type { Confirmation } from '../wire/peer-message.ts';
import type { LinkSettings } from './link-settings.ts';
import { ReceivedFrames, type Arrival } from './received-frames.ts';

/** The connection on which it sends, as far as it concerns its frames. */
export interface SendingConnection {
  /** Something was handled: say so at the end of the turn. */
  confirmLater(): void;
  /** `problem`: for people; undefined: nothing they need to hear of. */
  cut(problem: string | undefined): void;
}

export class IncomingPeer {
  readonly #from: Incarnation;
  readonly #settings: LinkSettings;
  readonly #handler: FrameHandler;
  readonly #frames = new ReceivedFrames();
  #connection: SendingConnection | undefined;
  #isForgotten = false;

  constructor(from: Incarnation, settings: LinkSettings, handler: FrameHandler) {
    this.#from = from;
    this.#settings = settings;
    this.#handler = handler;
  }

  /** From now on it sends on this connection. Returns after which frame it is to resume. */
  attach(connection: SendingConnection): number {
    this.#connection?.cut(undefined);
    this.#connection = connection;
    this.#frames.restate();
    return this.#frames.resumeAfter;
  }

  detach(connection: SendingConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
  }

  /** undefined: nothing is handled that was not confirmed; else ask again. */
  takeConfirmation(): Confirmation | undefined {
    return this.#frames.hasNews ? this.#frames.takeConfirmation() : undefined;
  }

  /** Hands a frame over unless it was before. */
  take(number: number, frame: PeerFrame): Arrival {
    const arrival = this.#frames.arrive(number);
    if (arrival === 'new') this.#handOver(number, frame);
    else if (arrival === 'duplicate') this.#settings.stats.duplicatesDropped++;
    return arrival;
  }

  forget(): void {
    this.#isForgotten = true;
    this.#connection?.cut(undefined);
    this.#connection = undefined;
  }

  #handOver(number: number, frame: PeerFrame): void {
    this.#settings.stats.framesIn++;
    let answer: Promise<Buffer | undefined> | undefined;
    try {
      answer = this.#handler.onFrame(this.#from, frame);
    } catch (error) {
      this.#rejected(number, frame, error);
      return;
    }
    if (answer === undefined) {
      this.#handled(number, undefined);
      return;
    }
    this.#frames.opened(number);
    answer.then(
      (reply) => {
        this.#handled(number, reply);
      },
      (error: unknown) => {
        this.#rejected(number, frame, error);
      },
    );
  }

  #handled(number: number, reply: Buffer | undefined): void {
    if (this.#isForgotten) return;
    this.#frames.handled(number, reply);
    this.#connection?.confirmLater();
  }

  #rejected(number: number, frame: PeerFrame, error: unknown): void {
    if (this.#isForgotten) return;
    this.#frames.rejected(number);
    this.#settings.stats.framesRejected++;
    const connection = this.#connection;
    this.#connection = undefined;
    const detail = error instanceof Error ? error.message : String(error);
    connection?.cut(`its frame ${number}, ${frame.type}, could not be handled: ${detail}`);
  }
}
