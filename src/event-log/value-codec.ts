/**
 * Values of log records: one Avro record in the Confluent wire format, so that a schema registry can be used
 * but is not needed. Reads every version of its schema that it is given, writes one.
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

/** What reads another version as the one that is written; undefined: it is that one. */
type Resolver = ReturnType<avsc.Type['createResolver']> | undefined;

/** `T` is the record of the version that is written: Avro names and types, null where a union has null. */
export class ValueCodec<T> {
  readonly #writtenId: number;
  readonly #written: avsc.Type;
  readonly #resolvers = new Map<number, Resolver>();
  #scratch = Buffer.allocUnsafe(SCRATCH_BYTES_INITIAL);

  /** `others`: earlier versions, and a later one that this release can read and does not write yet; in any order. */
  constructor(written: RegisteredSchema, others: readonly RegisteredSchema[] = []) {
    this.#writtenId = written.id;
    this.#written = avsc.Type.forSchema(written.schema);
    this.#resolvers.set(written.id, undefined);
    for (const { id, schema } of others) {
      this.#resolvers.set(id, this.#written.createResolver(avsc.Type.forSchema(schema)));
    }
  }

  /** The framed value, in a buffer of its own. Throws on a number that is not a safe integer (ADR 0002). */
  encode(value: T): Buffer {
    let end = this.#written.encode(value, this.#scratch, HEADER_BYTES);
    if (end < 0) {
      // The scratch buffer was too small by -end bytes.
      this.#scratch = Buffer.allocUnsafe(2 * (this.#scratch.length - end));
      end = this.#written.encode(value, this.#scratch, HEADER_BYTES);
    }
    this.#scratch[0] = MAGIC;
    this.#scratch.writeUInt32BE(this.#writtenId, 1);
    const framed = Buffer.from(this.#scratch.subarray(0, end));
    if (this.#scratch.length > SCRATCH_BYTES_KEPT) this.#scratch = Buffer.allocUnsafe(SCRATCH_BYTES_INITIAL);
    return framed;
  }

  /** Throws `UndecodableRecordError`; `record` names the record in it. */
  decode(framed: Buffer, record: string): T {
    const id = schemaIdOf(framed, record);
    if (!this.#resolvers.has(id)) {
      throw new UndecodableRecordError(
        record,
        `this release does not know schema ${id}; upgrade this broker.`,
      );
    }
    const { value, offset } = this.#decodeBody(framed, this.#resolvers.get(id), record);
    if (offset !== framed.length) {
      throw new UndecodableRecordError(record, `its value does not end where schema ${id} ends.`);
    }
    return value as T; // The schema decides the shape, and T is written down beside it.
  }

  #decodeBody(framed: Buffer, resolver: Resolver, record: string): { value: unknown; offset: number } {
    try {
      // The type is the one to read as; the resolver knows the one that was written.
      return this.#written.decode(framed, HEADER_BYTES, resolver);
    } catch (cause) {
      throw new UndecodableRecordError(record, 'its value does not follow its schema.', { cause });
    }
  }
}
