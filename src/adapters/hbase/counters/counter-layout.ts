/**
 * Rows of the table of counters: the only place that knows how they are laid out (docs/adr/0008).
 *
 *     row  := "session-ids" 0x00 tenant | "starts" 0x00 broker id
 *     cell := i64, the highest number given                       what HBase's Increment adds to
 */
export const COUNTER_FAMILY = 'n';
export const COUNTER_QUALIFIER = Buffer.from('n');

const SEPARATOR = '\0';

export function sessionIdsRow(tenant: string): Buffer {
  return Buffer.from(`session-ids${SEPARATOR}${tenant}`);
}

export function startsRow(brokerId: string): Buffer {
  return Buffer.from(`starts${SEPARATOR}${brokerId}`);
}
