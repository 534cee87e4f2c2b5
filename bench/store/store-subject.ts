/** What a store has to do in the benchmark of a message's life: the least common denominator of all subjects. */

export interface StoredPosition {
  readonly queue: number;
  readonly seq: number;
}

export interface StoreSubject {
  /** Appends one payload to each queue named, all of it synced before the promise resolves. */
  append(queues: readonly number[], payload: (index: number) => Buffer): Promise<readonly StoredPosition[]>;
  /** Reads one message back; returns its payload's length. */
  read(position: StoredPosition): Promise<number>;
  /** Deletes the message and all before it in its queue, synced. */
  remove(positions: readonly StoredPosition[]): Promise<void>;
  close(): Promise<void>;
}

/** Rejects when the subject is not installed. */
export type OpenSubject = (directory: string) => Promise<StoreSubject>;

/** Positions of queues in subjects that do not number messages themselves. */
export class PositionCounter {
  readonly #next = new Map<number, number>();

  next(queue: number): StoredPosition {
    const seq = (this.#next.get(queue) ?? 0) + 1;
    this.#next.set(queue, seq);
    return { queue, seq };
  }
}

/** Row key as design section 4 has it, without the tenant: ordered by queue, then by position. */
export function rowKey({ queue, seq }: StoredPosition): Buffer {
  const key = Buffer.alloc(16);
  key.writeBigUInt64BE(BigInt(queue), 0);
  key.writeBigUInt64BE(BigInt(seq), 8);
  return key;
}
