/** Reads a checkpoint into an empty table; see `checkpoint-format.ts`. */
import path from 'node:path';
import type { Seq } from '../../../queue/durable-queue.ts';
import type { FileSystem, OpenFile } from '../file-system.ts';
import type { RecordPosition } from '../journal/journal-position.ts';
import {
  checkpointName,
  ENTRIES_ITEM,
  FORMAT_VERSION,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  frameCrc,
  HEADER_BYTES,
  MAGIC,
} from './checkpoint-format.ts';
import { ENTRY_BYTES, REMOVED_FLAG } from './entry-arena.ts';
import type { QueueIndex } from './queue-index.ts';
import { decodeKey, decodeQuota, keyBytesAt, QUOTA_BYTES } from './queue-records.ts';
import type { QueueTable } from './queue-table.ts';

export interface LoadedCheckpoint {
  readonly replayFrom: RecordPosition;
  /** Per queue, by `QueueKey.text`: where the journal goes on. */
  readonly asOf: ReadonlyMap<string, RecordPosition>;
}

export class CheckpointDamagedError extends Error {
  override readonly name = 'CheckpointDamagedError';

  constructor(filePath: string, offset: number) {
    super(
      `${filePath} is damaged or incomplete at byte ${offset}; an older checkpoint or the journal is used`,
    );
  }
}

export interface CheckpointTarget {
  /** Empty; after an error it is good for nothing. */
  readonly table: QueueTable;
  readonly indexBytesMax: number;
  readonly nowS: number;
}

/** Rejects with `CheckpointDamagedError`, and with another error when a later release wrote the file. */
export async function loadCheckpoint(
  fileSystem: FileSystem,
  directory: string,
  number: number,
  target: CheckpointTarget,
): Promise<LoadedCheckpoint> {
  const filePath = path.join(directory, checkpointName(number));
  const file = await fileSystem.open(filePath, 'read');
  try {
    const header = await readExactly(file, 0, HEADER_BYTES, filePath);
    if (!header.subarray(0, 8).equals(MAGIC)) throw new CheckpointDamagedError(filePath, 0);
    if (header.readUInt32LE(8) !== FORMAT_VERSION) {
      throw new Error(
        `${filePath} was written by a later release: start that release, or move the file away`,
      );
    }
    const items = new ItemDecoder(target.table, target.nowS);
    for (let position = HEADER_BYTES; ;) {
      const frame = await readExactly(file, position, FRAME_HEADER_BYTES, filePath);
      const length = frame.readUInt32LE(0);
      if (length > FRAME_BYTES_MAX) throw new CheckpointDamagedError(filePath, position);
      const payload = await readExactly(file, position + FRAME_HEADER_BYTES, length, filePath);
      if (frameCrc(payload) !== frame.readUInt32LE(4)) throw new CheckpointDamagedError(filePath, position);
      if (length === 0) break;
      items.decode(payload);
      target.table.spillBeyond(target.indexBytesMax);
      position += FRAME_HEADER_BYTES + length;
    }
    items.finishQueue();
    return {
      replayFrom: { segment: header.readUInt32LE(12), offset: header.readUInt32LE(16) },
      asOf: items.asOf,
    };
  } finally {
    await file.close();
  }
}

async function readExactly(
  file: OpenFile,
  position: number,
  bytes: number,
  filePath: string,
): Promise<Buffer> {
  const target = Buffer.allocUnsafe(bytes);
  if ((await file.read(target, position)) < bytes) throw new CheckpointDamagedError(filePath, position);
  return target;
}

class ItemDecoder {
  readonly asOf = new Map<string, RecordPosition>();
  readonly #table: QueueTable;
  readonly #nowS: number;
  #queue: QueueIndex | undefined;
  /** Set once the entries are in: until then the index grows with them and can be spilled. */
  #next = 0;

  constructor(table: QueueTable, nowS: number) {
    this.#table = table;
    this.#nowS = nowS;
  }

  decode(payload: Buffer): void {
    let at = 0;
    while (at < payload.length) {
      const key = decodeKey(payload, at + 1);
      const behindKey = at + 1 + keyBytesAt(payload, at + 1);
      const queue = this.#table.findOrCreate(key);
      at =
        payload[at] === ENTRIES_ITEM
          ? this.#entries(payload, behindKey, queue)
          : this.#item(payload, behindKey, queue);
    }
  }

  finishQueue(): void {
    this.#queue?.skipTo(this.#next);
  }

  #item(source: Buffer, at: number, queue: QueueIndex): number {
    this.finishQueue();
    this.#queue = queue;
    this.#next = source.readDoubleLE(at);
    this.asOf.set(queue.key.text, {
      segment: source.readUInt32LE(at + 8),
      offset: source.readUInt32LE(at + 12),
    });
    queue.quota = decodeQuota(source, at + 16);
    let end = at + 16 + QUOTA_BYTES + 1;
    for (let left = source[end - 1] ?? 0; left > 0; left--) {
      const behindName = end + 2 + source.readUInt16LE(end);
      const producer = source.toString('utf8', end + 2, behindName);
      const sequence = source.readDoubleLE(behindName);
      queue.producers.remember(producer, sequence, source.readDoubleLE(behindName + 8) as Seq);
      end = behindName + 16;
    }
    return end;
  }

  #entries(source: Buffer, start: number, queue: QueueIndex): number {
    const first = source.readDoubleLE(start);
    const count = source.readUInt32LE(start + 8);
    let at = start + 12;
    for (let seq = first; seq < first + count; seq++, at += ENTRY_BYTES) {
      const flags = source.readUInt32LE(at + 16);
      if ((flags & REMOVED_FLAG) !== 0) continue;
      const entry = {
        segment: source.readUInt32LE(at),
        offset: source.readUInt32LE(at + 4),
        bytes: source.readUInt32LE(at + 8),
        expiresAtS: source.readUInt32LE(at + 12),
        flags,
      };
      this.#table.restore(queue, seq, entry, this.#nowS);
    }
    return at;
  }
}
