/** What a client counts, for gauges and counters of whoever opened it. Numbers since the client was opened, unless they say "now". */
export interface ClientStats {
  /** Calls sent to servers, every attempt counted. */
  calls: number;
  /** Attempts beyond the first of a call. */
  retries: number;
  /** Attempts without an answer in their time. */
  timeouts: number;
  /** Look-ups in `hbase:meta`. */
  lookups: number;
  /** Places of regions forgotten because a call found them wrong. */
  relocations: number;
  /** Connections opened. */
  connects: number;
  connectFailures: number;
  /** Connections that ended with calls waiting, or without being asked to. */
  connectionsLost: number;
  /** Now: open connections, and calls waiting on them. */
  connectionsOpen: number;
  callsPending: number;
  bytesOut: number;
  bytesIn: number;
}

export function newClientStats(): ClientStats {
  return {
    calls: 0,
    retries: 0,
    timeouts: 0,
    lookups: 0,
    relocations: 0,
    connects: 0,
    connectFailures: 0,
    connectionsLost: 0,
    connectionsOpen: 0,
    callsPending: 0,
    bytesOut: 0,
    bytesIn: 0,
  };
}
