/** What one topic's log counts, for gauges and counters: plain numbers, read by whoever exports them. */
export class KafkaLogStats {
  recordsAppended = 0;
  /** Several appends share a request. */
  produceRequests = 0;
  batchesRepeated = 0;
  /** Calls whose outcome is unknown to the caller, or that Kafka refused. */
  appendsRejected = 0;
  recordsRead = 0;
  fetchRequests = 0;
  /** Now: handed in, and not yet acknowledged by Kafka. */
  recordsWaiting = 0;
  bytesWaiting = 0;
}
