import { describe, expect, it } from 'vitest';
import {
  decodeMember,
  encodeMember,
  incarnationOf,
  newMember,
  nodeName,
} from '../../../../src/adapters/zookeeper/member-node.ts';
import { incarnation } from '../../../../src/tenancy/identity.ts';
import { newRun } from '../../../support/members.ts';

const run = newRun('spoke-1', 7);
const member = newMember(run, 1_700_000_000_000);

describe('the node of a member', () => {
  it('has a name that a path takes, and that tells the incarnation', () => {
    expect(nodeName(run.incarnation)).toBe('spoke-1%237');
    for (const id of ['spoke-1', 'a.b_c', 'nord/süd', '%', '..'])
      expect(incarnationOf(nodeName(incarnation(id, 3)))).toBe(`${id}#3`);
    for (const name of ['notes', 'a#', '%', 'a%23b', '%231']) expect(incarnationOf(name)).toBeUndefined();
    expect(nodeName(incarnation('nord/süd', 3))).not.toContain('/');
  });

  it('says everything of a member', () => {
    for (const each of [member, { ...member, draining: true }, { ...member, serverReference: undefined }])
      expect(decodeMember(each.incarnation, encodeMember(each))).toEqual(each);
  });

  it('reads what this release wrote', () => {
    const recorded =
      '{"version":1,"peerAddress":{"host":"127.0.0.1","port":7007},"serverReference":"spoke-1.example:1883",' +
      '"protocol":{"min":1,"max":1},"draining":false,"joinedAtMs":1700000000000}';
    expect(encodeMember(member).toString()).toBe(recorded);
    expect(decodeMember(run.incarnation, Buffer.from(recorded))).toEqual(member);
  });

  it('reads what a later release adds to it', () => {
    const content = JSON.parse(encodeMember(member).toString()) as object;
    const later = { ...content, version: 2, rack: 'north' };
    expect(decodeMember(run.incarnation, Buffer.from(JSON.stringify(later)))).toEqual(member);
  });

  it('is not understood when something is missing', () => {
    const content = JSON.parse(encodeMember(member).toString()) as Readonly<Record<string, unknown>>;
    for (const name of ['version', 'peerAddress', 'protocol', 'draining', 'joinedAtMs']) {
      const partial = JSON.stringify({ ...content, [name]: undefined });
      expect(decodeMember(run.incarnation, Buffer.from(partial)), name).toBeUndefined();
    }
    for (const data of ['', 'null', '[]', '"a"', '{', '{"version":1}'])
      expect(decodeMember(run.incarnation, Buffer.from(data)), data).toBeUndefined();
  });
});
