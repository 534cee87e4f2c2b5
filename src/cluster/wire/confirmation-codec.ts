/** What became of frames. */
import { PeerFormatError } from './peer-format-error.ts';
import type { Confirmation, HandledRun } from './peer-message.ts';
import type { WireReader } from './wire-reader.ts';
import { U64_BYTES, writeU64 } from './wire-types.ts';

const FIXED_BYTES = U64_BYTES + 4;
const RUN_FIXED_BYTES = U64_BYTES + 4 + 4;

/**
 *     confirmation := u64 through | u32 runs, each (u64 first | u32 count | u32 reply bytes | reply)
 */
export function encodeConfirmation({ through, runs }: Confirmation): Buffer {
  let bytes = FIXED_BYTES;
  for (const { reply } of runs) bytes += RUN_FIXED_BYTES + reply.length;
  const body = Buffer.allocUnsafe(bytes);
  let end = body.writeUInt32BE(runs.length, writeU64(body, through, 0));
  for (const { first, count, reply } of runs) {
    end = body.writeUInt32BE(count, writeU64(body, first, end));
    end = body.writeUInt32BE(reply.length, end);
    body.set(reply, end);
    end += reply.length;
  }
  return body;
}

export function decodeConfirmation(reader: WireReader): Confirmation {
  const through = reader.u64();
  const runs = reader.list(decodeRun);
  reader.expectEnd();
  return { type: 'confirmation', runs, through };
}

function decodeRun(reader: WireReader): HandledRun {
  const first = reader.u64();
  const count = reader.u32();
  if (first === 0 || count === 0) throw new PeerFormatError('a confirmation of nothing');
  // A view would keep all that was read with it for as long as somebody keeps the reply.
  return { first, count, reply: Buffer.from(reader.view(reader.u32())) };
}
