/**
 * Which partition a record belongs to: Kafka's own murmur2, but of the partition key (tenant and client) and not of the record's
 * key. A contract with everybody who reads the topic: `(murmur2(utf8(partitionKey)) & 0x7fffffff) mod partitions`.
 */
const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;
const ROTATION = 24;
const SIGN_MASK = 0x7fffffff;

export function partitionOf(partitionKey: string, partitionCount: number): number {
  return (murmur2(Buffer.from(partitionKey)) & SIGN_MASK) % partitionCount;
}

/** 32-bit MurmurHash2 as `org.apache.kafka.common.utils.Utils.murmur2` computes it: little endian, signed result. */
function murmur2(bytes: Buffer): number {
  let hash = SEED ^ bytes.length;
  const wholeWords = bytes.length & ~3;
  for (let at = 0; at < wholeWords; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), MULTIPLIER);
    word ^= word >>> ROTATION;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = bytes.length - wholeWords;
  if (rest > 0) {
    for (let index = rest - 1; index >= 0; index--)
      hash ^= bytes.readUInt8(wholeWords + index) << (8 * index);
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}
