/**
 * 1:1 pairs: every publisher has a topic of its own and one subscriber. The usable rate at QoS 0, 1 and 2, with transient and
 * with persistent sessions.
 */
import type { Scenario } from './scenario.ts';
import { measureUsableRate, USABLE_RATE_COLUMNS } from './usable-rate.ts';

/** More than this many messages unacknowledged, and the publisher waits. */
const IN_FLIGHT_MAX = 200;

export const pairs: Scenario = {
  name: 'pairs',
  title: '1:1 pairs on unique topics, 1,024-byte payload',
  columns: USABLE_RATE_COLUMNS,
  plots: [
    { file: 'pairs-rate', title: 'Pairs: usable rate, messages per second', figure: 'rate' },
    { file: 'pairs-cpu', title: 'Pairs: broker CPU per message, µs', figure: 'brokerUs' },
  ],
  variants: ({ pairs: count, qosLevels, sessions }) => {
    const topics = Array.from({ length: count }, (_, index) => `bench/pairs/${index}`);
    return sessions.flatMap((session) =>
      qosLevels.map((qos) => ({
        name: `QoS ${qos} ${session}`,
        measure: (bench) =>
          measureUsableRate(
            bench,
            {
              publishers: count,
              filters: topics,
              topics,
              expectation: 'own',
              qos,
              persistent: session === 'persistent',
              inFlightMaxPerPublisher: IN_FLIGHT_MAX,
            },
            1,
          ),
      })),
    );
  },
};
