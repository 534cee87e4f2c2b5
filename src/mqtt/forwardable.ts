/**
 * Which MQTT 5 properties travel with a message, and their bytes. Everything else in a PUBLISH or a will is between
 * the client and this broker [MQTT-3.3.2-4], [MQTT-3.3.2-15..20].
 */
import { PROPERTY } from './properties.ts';

/** Shared by every message without forwardable properties. */
export const NO_PROPERTIES: Buffer = Buffer.alloc(0);

export function isForwardable(id: number): boolean {
  switch (id) {
    case PROPERTY.payloadFormatIndicator:
    case PROPERTY.contentType:
    case PROPERTY.responseTopic:
    case PROPERTY.correlationData:
    case PROPERTY.userProperty:
      return true;
    default:
      return false;
  }
}

/** Gathers spans of one frame, in order; copies only when something between them was left out. */
export class SpanGatherer {
  readonly #frame: Buffer;
  readonly #closed: Buffer[] = [];
  #start = 0;
  #end = 0;

  constructor(frame: Buffer) {
    this.#frame = frame;
  }

  add(start: number, end: number): void {
    if (start === this.#end) {
      this.#end = end;
      return;
    }
    this.#close();
    this.#start = start;
    this.#end = end;
  }

  /** A view into the frame when the spans touch, else a buffer of their bytes. */
  finish(): Buffer {
    if (this.#closed.length === 0) {
      return this.#start === this.#end ? NO_PROPERTIES : this.#frame.subarray(this.#start, this.#end);
    }
    this.#close();
    return Buffer.concat(this.#closed);
  }

  #close(): void {
    if (this.#end > this.#start) this.#closed.push(this.#frame.subarray(this.#start, this.#end));
  }
}
