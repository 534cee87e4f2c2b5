/** Members and frames for tests of the links between brokers. */
import type { Endpoint, Member } from '../../src/cluster/member.ts';
import type { CreditFrame, MessageFrame } from '../../src/cluster/peer-frame.ts';
import { PROTOCOL } from '../../src/cluster/wire/protocol-version.ts';
import type { ClientId, Incarnation, TenantId } from '../../src/tenancy/identity.ts';
import { brokerIdOf } from '../../src/tenancy/identity.ts';

export const TENANT = 'default' as TenantId;

export function member(
  incarnation: Incarnation,
  peerAddress: Endpoint,
  protocol: Member['protocol'] = PROTOCOL,
): Member {
  return {
    brokerId: brokerIdOf(incarnation),
    incarnation,
    peerAddress,
    serverReference: undefined,
    protocol,
    draining: false,
    joinedAtMs: 0,
  };
}

/** A small frame that says its number. */
export function creditFrame(number: number): CreditFrame {
  return { type: 'credit', tenant: TENANT, clientId: `client ${number}` as ClientId, hasCredit: true };
}

export function messageFrame(payload: Buffer): MessageFrame {
  return {
    type: 'message',
    tenant: TENANT,
    message: {
      topic: 'bikes/17/position',
      payload,
      qos: 1,
      retain: false,
      properties: Buffer.alloc(0),
      publishedAtMs: 1_700_000_000_000,
      expiresAtMs: undefined,
      publisher: 'bike-17' as ClientId,
    },
    forInterest: true,
    groups: [],
    targets: [],
    origin: undefined,
  };
}
