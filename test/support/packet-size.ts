/** Where packets of MQTT end, for tests that read what a broker sends. */

/** Size of the first packet in `bytes`; 0: it is not complete. Throws when its remaining length takes more than four bytes. */
export function packetSize(bytes: Buffer): number {
  let length = 0;
  for (let index = 1; index <= 4; index++) {
    const byte = bytes[index];
    if (byte === undefined) return 0;
    length += (byte & 0x7f) * 128 ** (index - 1);
    if (byte < 0x80) return bytes.length >= 1 + index + length ? 1 + index + length : 0;
  }
  throw new Error(`Broker sent a remaining length of more than four bytes: ${bytes.toString('hex', 0, 8)}`);
}
