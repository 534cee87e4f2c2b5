/** The bridge of a broker process, if there are rules; and the end of what rules that are no more have left behind. */
import { endForgottenSessions } from '../bridge/forgotten-sessions.ts';
import type { Broker } from '../broker/broker.ts';
import type { Membership } from '../cluster/membership.ts';
import type { OpenedBridge } from './bridge.ts';
import { bridgeRulesOf } from './bridge-rules.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';

/** `membership` undefined: this broker is alone. */
export async function startBridge(
  config: SpokeConfig,
  broker: Broker,
  membership: Membership | undefined,
  logger: Logger,
): Promise<OpenedBridge | undefined> {
  const rules = bridgeRulesOf(config.bridge);
  await endForgottenSessions(broker, rules);
  if (rules.length === 0) return undefined;
  // Loaded only where it is used: a broker without rules starts without its client.
  const { openBridge } = await import('./bridge.ts');
  return openBridge(config, rules, broker, membership, logger);
}
