/**
 * Fan-out (one publisher, many subscribers of its topic) and fan-in (many publishers, one subscriber of all their topics):
 * the usable rate, counted in deliveries.
 */
import type { Qos } from '../driver/wire.ts';
import type { Shape } from './probe.ts';
import type { Scenario, Variant } from './scenario.ts';
import { measureUsableRate, USABLE_RATE_COLUMNS } from './usable-rate.ts';

const FAN = 100;
const SMOKE_FAN = 5;
const QOS_LEVELS: readonly Qos[] = [0, 1];
/** A single publisher needs a wide window; many share the same total. */
const IN_FLIGHT_MAX_TOTAL = 2000;

function fanScenario(
  name: 'fan-out' | 'fan-in',
  title: string,
  shapeOf: (width: number) => FanShape,
): Scenario {
  return {
    name,
    title,
    columns: USABLE_RATE_COLUMNS,
    plots: [{ file: `${name}-rate`, title: `${title}: usable rate, deliveries per second`, figure: 'rate' }],
    variants: ({ isSmoke }) => {
      const width = isSmoke ? SMOKE_FAN : FAN;
      return QOS_LEVELS.map((qos): Variant => {
        const { topics, filters, publishers } = shapeOf(width);
        return {
          name: `QoS ${qos}, ${name === 'fan-out' ? `1 → ${width}` : `${width} → 1`}`,
          measure: (bench) =>
            measureUsableRate(
              bench,
              {
                publishers,
                filters,
                topics,
                expectation: 'every',
                qos,
                persistent: false,
                inFlightMaxPerPublisher: Math.ceil(IN_FLIGHT_MAX_TOTAL / publishers),
              },
              filters.length,
            ),
        };
      });
    },
  };
}

type FanShape = Pick<Shape, 'topics' | 'filters' | 'publishers'>;

export const fanOut = fanScenario('fan-out', 'Fan-out to transient sessions', (width) => ({
  publishers: 1,
  topics: ['bench/fan-out'],
  filters: Array.from({ length: width }, () => 'bench/fan-out'),
}));

export const fanIn = fanScenario('fan-in', 'Fan-in to one transient session', (width) => ({
  publishers: width,
  topics: Array.from({ length: width }, (_, index) => `bench/fan-in/${index}`),
  filters: ['bench/fan-in/+'],
}));
