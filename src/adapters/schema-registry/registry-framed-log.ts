/**
 * An event log whose values carry the ids of a schema registry. To its callers it is the log below it: they write and
 * read values with the built-in ids, which snapshots hold too. Only the five bytes in front of a value are touched. What this
 * release cannot decode is handed on as it is: one such record must not hold up all others.
 */
import type {
  EventLog,
  LogEntry,
  LogFollower,
  LogPosition,
  LogRecord,
  Offset,
} from '../../event-log/event-log.ts';
import { parseRecordKey } from '../../event-log/record-key.ts';
import { UndecodableRecordError } from '../../event-log/undecodable-record-error.ts';
import { schemaIdOf } from '../../event-log/value-codec.ts';
import type { SchemaIds } from './schema-ids.ts';

const ID_AT = 1;

export class RegistryFramedLog implements EventLog {
  readonly #log: EventLog;
  readonly #ids: SchemaIds;

  constructor(log: EventLog, ids: SchemaIds) {
    this.#log = log;
    this.#ids = ids;
  }

  get partitionCount(): number {
    return this.#log.partitionCount;
  }

  partitionOf(partitionKey: string): number {
    return this.#log.partitionOf(partitionKey);
  }

  append(records: readonly LogRecord[]): Promise<readonly LogPosition[]> {
    return this.#log.append(records.map((record) => this.#outgoing(record)));
  }

  startOffsets(): Promise<readonly Offset[]> {
    return this.#log.startOffsets();
  }

  endOffsets(): Promise<readonly Offset[]> {
    return this.#log.endOffsets();
  }

  offsetsAt(timestampMs: number): Promise<readonly Offset[]> {
    return this.#log.offsetsAt(timestampMs);
  }

  async read(partition: number, from: Offset, recordsMax: number): Promise<readonly LogEntry[]> {
    const entries = await this.#log.read(partition, from, recordsMax);
    return entries.map((entry) => this.#incoming(entry));
  }

  follow(from: readonly Offset[], handler: (entries: readonly LogEntry[]) => void): Promise<LogFollower> {
    return this.#log.follow(from, (entries) => {
      handler(entries.map((entry) => this.#incoming(entry)));
    });
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #outgoing(record: LogRecord): LogRecord {
    const { key, value } = record;
    if (value === null) return record;
    const builtInId = schemaIdOf(value, key);
    const registryId = this.#ids.registryId(builtInId);
    if (registryId === undefined)
      throw new Error(
        `registry-framed-log: a value of schema ${builtInId}, which is not in schemas/ids.json`,
      );
    return { ...record, value: framedAs(registryId, value) };
  }

  #incoming(entry: LogEntry): LogEntry {
    const { value } = entry;
    if (value === null) return entry;
    const builtInId = this.#builtInIdOf(entry.key, value);
    // Its id is no built-in one of such a key either, so nobody takes it for something else.
    return builtInId === undefined ? entry : { ...entry, value: framedAs(builtInId, value) };
  }

  /** undefined: of a later release, or not written by SpokeMQ. Whoever decodes the record says so, and what to do. */
  #builtInIdOf(key: string, value: Buffer): number | undefined {
    try {
      return this.#ids.builtInId(parseRecordKey(key).kind, schemaIdOf(value, key));
    } catch (error) {
      if (error instanceof UndecodableRecordError) return undefined;
      throw error;
    }
  }
}

/** A copy: the bytes may belong to others, who read them with another id. */
function framedAs(schemaId: number, value: Buffer): Buffer {
  const framed = Buffer.from(value);
  framed.writeUInt32BE(schemaId, ID_AT);
  return framed;
}
