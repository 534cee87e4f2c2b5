/**
 * The node of one member: its name is the incarnation, its content JSON. Readers ignore what they do not know, and take any version
 * that has what they need: `version` rises when a release adds something, so that others can tell why it is not there.
 */
import type { Member } from '../../cluster/member.ts';
import type { NewMember } from '../../cluster/member-view.ts';
import { brokerIdOf, type Incarnation } from '../../tenancy/identity.ts';

const VERSION = 1;
const INCARNATION = /^.+#\d+$/s;

/** `#` and whatever else a path does not take is percent-encoded. */
export function nodeName(incarnation: Incarnation): string {
  return encodeURIComponent(incarnation);
}

/** undefined: not a member's node. */
export function incarnationOf(name: string): Incarnation | undefined {
  try {
    const text = decodeURIComponent(name);
    return INCARNATION.test(text) ? (text as Incarnation) : undefined;
  } catch {
    return undefined;
  }
}

export function encodeMember({
  peerAddress,
  serverReference,
  protocol,
  draining,
  joinedAtMs,
}: Member): Buffer {
  const content = { version: VERSION, peerAddress, serverReference, protocol, draining, joinedAtMs };
  return Buffer.from(JSON.stringify(content));
}

/** undefined: something is missing that a member has to say. */
export function decodeMember(incarnation: Incarnation, data: Buffer): Member | undefined {
  const content = record(parsed(data));
  const { host, port } = record(content['peerAddress']);
  const { min, max } = record(content['protocol']);
  const { version, serverReference, draining, joinedAtMs } = content;
  if (!isCount(version) || typeof host !== 'string' || !isCount(port)) return undefined;
  if (!isCount(min) || !isCount(max) || !isCount(joinedAtMs) || typeof draining !== 'boolean')
    return undefined;
  return {
    brokerId: brokerIdOf(incarnation),
    incarnation,
    peerAddress: { host, port },
    serverReference: typeof serverReference === 'string' ? serverReference : undefined,
    protocol: { min, max },
    draining,
    joinedAtMs,
  };
}

/** As it joins. */
export function newMember(self: NewMember, joinedAtMs: number): Member {
  return { ...self, draining: false, joinedAtMs };
}

function parsed(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString());
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
