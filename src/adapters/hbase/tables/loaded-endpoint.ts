/** Which release of the queue endpoint regions really run: what the table says and what a server has loaded may differ. */
import type { HBaseClient } from '../client/hbase-client.ts';
import { HBaseError } from '../client/hbase-error.ts';
import { QueueEndpoint } from '../queue/queue-endpoint.ts';
import { loadQueueProtocol, QUEUE_CONTRACT, type StatisticsMessage } from '../queue/queue-protocol.ts';
import { ENDPOINT_VERSION } from './queue-table.ts';

/** Regions asked at a time. */
const ASKED_AT_ONCE = 8;

/** One line per region that does not run the endpoint of this release, in the order of their keys; none: all do. */
export async function endpointProblems(client: HBaseClient, table: string): Promise<readonly string[]> {
  const problems: (readonly [startKey: Buffer, problem: string])[] = [];
  const regions = client.regions(table);
  const ask = async (): Promise<void> => {
    for (;;) {
      const next = await regions.next();
      if (next.done === true) return;
      const { startKey, encodedName, server } = next.value;
      const problem = await endpointProblem(client, table, startKey);
      if (problem !== undefined)
        problems.push([startKey, `region ${encodedName} on ${server.host}:${server.port} ${problem}`]);
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return problems.sort(([one], [other]) => Buffer.compare(one, other)).map(([, problem]) => problem);
}

/**
 * What is wrong with the endpoint in the region of `row`; undefined: nothing. Rejects with `HBaseError` when the region does not
 * answer.
 */
export async function endpointProblem(
  client: HBaseClient,
  table: string,
  row: Buffer,
): Promise<string | undefined> {
  try {
    const { version, contract } = await statistics(client, table, row);
    if (contract !== QUEUE_CONTRACT)
      return `runs queue endpoint ${version} with contract ${contract}, this broker speaks contract ${QUEUE_CONTRACT}`;
    return version === ENDPOINT_VERSION
      ? undefined
      : `runs queue endpoint ${version}, this broker comes with ${ENDPOINT_VERSION}`;
  } catch (error) {
    if (error instanceof HBaseError && error.exceptionClass?.endsWith('UnknownProtocolException') === true)
      return 'has not loaded the queue endpoint';
    throw error;
  }
}

/** What the endpoint counts in the region of `row`. */
export async function statistics(
  client: HBaseClient,
  table: string,
  row: Buffer,
): Promise<StatisticsMessage> {
  const protocol = await loadQueueProtocol();
  return new QueueEndpoint(client, table).call(protocol.statistics, row, {});
}
