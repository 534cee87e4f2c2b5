/** Lets the group divide partitions by `stickyShares`: each member tells what it has, whoever leads the group deals out. */
import { AssignerProtocol } from 'kafkajs';
import type { PartitionAssigner } from 'kafkajs';
import { stickyShares } from './sticky-shares.ts';

/** Members of one group must have a name in common; another way to divide gets another name. */
const NAME = 'spokemq-sticky';
const VERSION = 0;

/** Partitions of each topic; a topic may be missing. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

/** `held`: what this member has, asked each time the group divides anew. */
export function stickyAssigner(held: () => Assignment): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: Buffer.from(JSON.stringify(held())),
      }),
    }),
    assign: ({ members, topics }) => {
      const claims = members.map(({ memberId, memberMetadata }) => ({
        member: memberId,
        held: heldIn(AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData),
      }));
      const dealt = topics.map((topic) => {
        const partitions = cluster.findTopicPartitionMetadata(topic).length;
        const ofTopic = claims.map(({ member, held: all }) => ({ member, held: all[topic] ?? [] }));
        return [topic, stickyShares(ofTopic, partitions)] as const;
      });
      return Promise.resolve(
        members.map(({ memberId }) => {
          const assignment = Object.fromEntries(
            dealt.map(([topic, shares]) => [topic, shares.get(memberId) ?? []]),
          );
          const memberAssignment = AssignerProtocol.MemberAssignment.encode({
            version: VERSION,
            assignment,
            userData: Buffer.alloc(0),
          });
          return { memberId, memberAssignment };
        }),
      );
    },
  });
}

/** Members may be of another release: what cannot be read is nothing. */
function heldIn(userData: Buffer | undefined): Assignment {
  if (userData === undefined || userData.length === 0) return {};
  try {
    const held: unknown = JSON.parse(userData.toString());
    if (held === null || typeof held !== 'object') return {};
    return Object.fromEntries(
      Object.entries(held).map(([topic, partitions]: [string, unknown]) => [topic, numbersIn(partitions)]),
    );
  } catch {
    return {};
  }
}

function numbersIn(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'number') : [];
}
