/**
 * Values of log records: one Avro record in the Confluent wire format, so that a schema registry can be used
 * but is not needed. Reads every released version of its schema, writes the newest.
 */
import avsc from 'avsc';
import type { RegisteredSchema } from './avro-schemas.ts';
import { UndecodableRecordError } from './undecodable-record-error.ts';

// Wire format:  0x00 | schema id, u32 big endian | Avro binary encoding
const MAGIC = 0x00;
const HEADER_BYTES = 5;

const SCRATCH_BYTES_INITIAL = 4_096;
/** A scratch buffer that one large value made larger than this is given back. */
const SCRATCH_BYTES_KEPT = 1_048_576;

/** Schema id of a framed value. `record` is for the error only. */
export function schemaIdOf(value: Buffer, record: string): number {
  if (value.length < HEADER_BYTES || value[0] !== MAGIC) {
    throw new UndecodableRecordError(
      record,
      'its value is not in the Confluent wire format; only SpokeMQ may write to this topic.',
    );
  }
  return value.readUInt32BE(1);
}

interface Reader {
  readonly writtenAs: avsc.Type;
  /** undefined: written as the newest version. */
  readonly resolver: ReturnType<avsc.Type['createResolver']> | undefined;
}

/** `T` is the newest version's record: Avro names and types, null where a union has null. */
export class ValueCodec<T> {
  readonly #newestId: number;
  readonly #newest: avsc.Type;
  readonly #readers = new Map<number, Reader>();
  #scratch = Buffer.allocUnsafe(SCRATCH_BYTES_INITIAL);

  /** `older`: earlier released versions, in any order. */
  constructor(newest: RegisteredSchema, older: readonly RegisteredSchema[] = []) {
    this.#newestId = newest.id;
    this.#newest = avsc.Type.forSchema(newest.schema);
    this.#readers.set(newest.id, { writtenAs: this.#newest, resolver: undefined });
    for (const { id, schema } of older) {
      const writtenAs = avsc.Type.forSchema(schema);
      this.#readers.set(id, { writtenAs, resolver: this.#newest.createResolver(writtenAs) });
    }
  }

  /** Whether a value framed with this schema id is one of this codec's. */
  reads(schemaId: number): boolean {
    return this.#readers.has(schemaId);
  }

  /** The framed value, in a buffer of its own. Throws on a number that is not a safe integer (ADR 0002). */
  encode(value: T): Buffer {
    let end = this.#newest.encode(value, this.#scratch, HEADER_BYTES);
    if (end < 0) {
      // The scratch buffer was too small by -end bytes.
      this.#scratch = Buffer.allocUnsafe(2 * (this.#scratch.length - end));
      end = this.#newest.encode(value, this.#scratch, HEADER_BYTES);
    }
    this.#scratch[0] = MAGIC;
    this.#scratch.writeUInt32BE(this.#newestId, 1);
    const framed = Buffer.from(this.#scratch.subarray(0, end));
    if (this.#scratch.length > SCRATCH_BYTES_KEPT) this.#scratch = Buffer.allocUnsafe(SCRATCH_BYTES_INITIAL);
    return framed;
  }

  /** Throws `UndecodableRecordError`; `record` names the record in it. */
  decode(framed: Buffer, record: string): T {
    const id = schemaIdOf(framed, record);
    const reader = this.#readers.get(id);
    if (reader === undefined) {
      throw new UndecodableRecordError(
        record,
        `this release does not know schema ${id}; upgrade this broker.`,
      );
    }
    const { value, offset } = decodeBody(reader, framed, record);
    if (offset !== framed.length) {
      throw new UndecodableRecordError(record, `its value does not end where schema ${id} ends.`);
    }
    return value as T; // The schema decides the shape, and T is written down beside it.
  }
}

function decodeBody(reader: Reader, framed: Buffer, record: string): { value: unknown; offset: number } {
  try {
    return reader.writtenAs.decode(framed, HEADER_BYTES, reader.resolver);
  } catch (cause) {
    throw new UndecodableRecordError(record, 'its value does not follow its schema.', { cause });
  }
}
