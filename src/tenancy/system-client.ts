/**
 * Client identifiers of the broker's own clients. Nobody outside can use one, so a message that carries it as its publisher is known
 * for what it is on every broker, and in every queue.
 */
import type { ClientId } from './identity.ts';

const PREFIX = '$bridge/';

export function bridgeClientId(rule: string): ClientId {
  return `${PREFIX}${rule}` as ClientId;
}

export function isBridgeClientId(clientId: string): boolean {
  return clientId.startsWith(PREFIX);
}
