/**
 * Sessions of rules that are no more: their queues would fill until publishers are refused. Those that a broker serves are left alone: it may
 * have rules that this one has not been given yet.
 */
import type { Broker } from '../broker/broker.ts';
import { bridgeClientId } from '../tenancy/system-client.ts';
import type { BridgeRule } from './bridge-rule.ts';

/** Resolves with how many were ended; one that cannot be is found again at the next start. */
export async function endForgottenSessions(broker: Broker, rules: readonly BridgeRule[]): Promise<number> {
  let ended = 0;
  for (const { tenant, systemSessions, registry, lifecycle, log } of broker.tenants()) {
    const kept = new Set(
      rules
        .filter((rule) => rule.kind === 'outStream' && rule.tenant === tenant)
        .map(({ name }) => bridgeClientId(name)),
    );
    for (const clientId of [...systemSessions]) {
      if (kept.has(clientId) || registry.session(clientId)?.owner !== undefined) continue;
      log.info(
        { tenant, clientId },
        'a bridge rule is no more: its session ends, and what it has not sent is dropped',
      );
      if (await lifecycle.end(clientId, 'administrative')) ended++;
    }
  }
  return ended;
}
