/** Cuts a peer's bytes into messages, however they arrive. Holds at most one message that is not complete. */
import { PeerFormatError } from './peer-format-error.ts';

const LENGTH_BYTES = 4;

export class MessageSplitter {
  #messageBytesMax: number;
  /** Of the message that is not complete; empty between two. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** How many bytes there must be before it is worth looking again. */
  #neededBytes = 0;

  /** Longer messages are refused before they are read. */
  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Takes longer ones from the next message on. */
  allow(messageBytesMax: number): void {
    this.#messageBytesMax = messageBytesMax;
  }

  /**
   * Calls `onMessage` with type and body of each message, a view; it returns whether to go on. The chunk belongs to the
   * splitter: nobody writes to it any more. Throws `PeerFormatError`, and is of no use afterwards.
   */
  push(chunk: Buffer, onMessage: (body: Buffer) => boolean): void {
    const bytes = this.#withHeld(chunk);
    if (bytes === undefined) return;
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      const needed = left < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + this.#lengthAt(bytes, at);
      if (left < needed) {
        this.#hold(bytes.subarray(at), needed);
        return;
      }
      if (!onMessage(bytes.subarray(at + LENGTH_BYTES, at + needed))) return;
      at += needed;
    }
  }

  /** undefined: still not enough. */
  #withHeld(chunk: Buffer): Buffer | undefined {
    if (this.#heldBytes === 0) return chunk;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#neededBytes) return undefined;
    const bytes = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }

  #hold(rest: Buffer, neededBytes: number): void {
    if (rest.length > 0) this.#held.push(rest);
    this.#heldBytes = rest.length;
    this.#neededBytes = neededBytes;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at);
    if (length > 0 && length <= this.#messageBytesMax) return length;
    throw new PeerFormatError(`a message of ${length} bytes; 1 to ${this.#messageBytesMax} are taken`);
  }
}
