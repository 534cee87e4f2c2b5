/**
 * The request of a coprocessor call, written by hand in front of the caller's bytes: so that a request of megabytes is
 * not copied into its envelope.
 *
 *     CoprocessorServiceRequest := 1: RegionSpecifier | 2: CoprocessorServiceCall
 *     RegionSpecifier           := 1: type | 2: name
 *     CoprocessorServiceCall    := 1: row | 2: service | 3: method | 4: request
 */
const FIELD_1_BYTES = 0x0a;
const FIELD_2_BYTES = 0x12;
const FIELD_3_BYTES = 0x1a;
const FIELD_4_BYTES = 0x22;
/** RegionSpecifier.type = REGION_NAME. */
const REGION_NAME_TYPE = [0x08, 0x01];

/** The parameter of ExecService, in parts. `service` is the full name of the protobuf service. */
export function encodeExecService(
  regionName: Uint8Array,
  row: Uint8Array,
  service: string,
  method: string,
  request: Uint8Array,
): readonly Uint8Array[] {
  const serviceBytes = Buffer.from(service);
  const methodBytes = Buffer.from(method);
  const region = REGION_NAME_TYPE.length + fieldBytes(regionName.length);
  const callPrefix =
    fieldBytes(row.length) +
    fieldBytes(serviceBytes.length) +
    fieldBytes(methodBytes.length) +
    fieldBytes(request.length) -
    request.length;
  const call = callPrefix + request.length;
  const prefix = Buffer.allocUnsafe(fieldBytes(region) + fieldBytes(call) - request.length);
  let offset = writeTag(prefix, FIELD_1_BYTES, region, 0);
  prefix.set(REGION_NAME_TYPE, offset);
  offset = writeField(prefix, FIELD_2_BYTES, regionName, offset + REGION_NAME_TYPE.length);
  offset = writeTag(prefix, FIELD_2_BYTES, call, offset);
  offset = writeField(prefix, FIELD_1_BYTES, row, offset);
  offset = writeField(prefix, FIELD_2_BYTES, serviceBytes, offset);
  offset = writeField(prefix, FIELD_3_BYTES, methodBytes, offset);
  writeTag(prefix, FIELD_4_BYTES, request.length, offset);
  return [prefix, request];
}

/** Bytes of a field with its tag and length. */
function fieldBytes(length: number): number {
  let bytes = 2 + length;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

function writeTag(target: Buffer, tag: number, length: number, offset: number): number {
  target[offset++] = tag;
  let rest = length;
  while (rest > 0x7f) {
    target[offset++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[offset++] = rest;
  return offset;
}

function writeField(target: Buffer, tag: number, bytes: Uint8Array, offset: number): number {
  const start = writeTag(target, tag, bytes.length, offset);
  target.set(bytes, start);
  return start + bytes.length;
}
