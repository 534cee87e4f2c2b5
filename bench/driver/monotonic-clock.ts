/**
 * The machine-wide monotonic clock in milliseconds, with sub-microsecond resolution. Every process on the machine reads the
 * same value, so a time written by one driver can be compared with a time read by another, and with a CPU profile's.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
