/**
 * The scenarios and brokers the bench knows, in the order in which they run, and the choice among them by name.
 */
import { aedes, aedesLevel } from './brokers/aedes.ts';
import type { BrokerLauncher } from './brokers/launch.ts';
import { mosquitto } from './brokers/mosquitto.ts';
import { spokemq, spokemqOs } from './brokers/spokemq.ts';
import { connects } from './scenarios/connects.ts';
import { fanIn, fanOut } from './scenarios/fan.ts';
import { offline } from './scenarios/offline.ts';
import { pairs } from './scenarios/pairs.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { subscriptions } from './scenarios/subscriptions.ts';

export const SCENARIOS: readonly Scenario[] = [pairs, offline, fanOut, fanIn, connects, subscriptions];
export const BROKERS: readonly BrokerLauncher[] = [spokemq, spokemqOs, mosquitto, aedes, aedesLevel];

/** The items called `names`, or all when none are given; throws on a name that does not exist. */
export function choose<Item extends { readonly name: string }>(
  kind: string,
  items: readonly Item[],
  names: readonly string[] | undefined,
): readonly Item[] {
  return (
    names?.map((name) => {
      const item = items.find((candidate) => candidate.name === name);
      if (item !== undefined) return item;
      throw new Error(`No ${kind} is called ${name}; there are ${items.map((each) => each.name).join(', ')}`);
    }) ?? items
  );
}
