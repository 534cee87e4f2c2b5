/** Which filters a peer wants forwarded. */
import type { RoutePlace } from '../../routing/subscriber.ts';
import type { TenantId } from '../../tenancy/identity.ts';
import type { InterestFrame } from '../peer-frame.ts';
import type { WireReader } from './wire-reader.ts';
import { textBytesMax, writeText } from './wire-types.ts';

const SHARED = 1;
const COUNT_BYTES = 4;

export function interestBytesMax({ tenant, added, removed }: InterestFrame): number {
  return textBytesMax(tenant) + placesBytesMax(added) + placesBytesMax(removed);
}

/**
 *     interest := text tenant | places added | places removed
 */
export function encodeInterest(
  { tenant, added, removed }: InterestFrame,
  target: Buffer,
  at: number,
): number {
  let end = writeText(target, tenant, at);
  end = encodePlaces(added, target, end);
  return encodePlaces(removed, target, end);
}

export function decodeInterest(reader: WireReader): InterestFrame {
  const tenant = reader.text() as TenantId;
  return { type: 'interest', tenant, added: reader.list(decodePlace), removed: reader.list(decodePlace) };
}

/**
 *     places := u32 count, each (u8 shared | text filter | text group if shared = 1)
 */
function encodePlaces(places: readonly RoutePlace[], target: Buffer, at: number): number {
  let end = target.writeUInt32BE(places.length, at);
  for (const { filter, group } of places) {
    target[end++] = group === undefined ? 0 : SHARED;
    end = writeText(target, filter, end);
    if (group !== undefined) end = writeText(target, group, end);
  }
  return end;
}

function decodePlace(reader: WireReader): RoutePlace {
  const isShared = reader.u8() === SHARED;
  const filter = reader.text();
  return { filter, group: isShared ? reader.text() : undefined };
}

function placesBytesMax(places: readonly RoutePlace[]): number {
  let bytes = COUNT_BYTES;
  for (const place of places) bytes += placeBytesMax(place);
  return bytes;
}

export function placeBytesMax({ filter, group }: RoutePlace): number {
  return 1 + textBytesMax(filter) + (group === undefined ? 0 : textBytesMax(group));
}
