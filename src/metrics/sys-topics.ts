/**
 * What `$SYS` tells the clients of one tenant about it: names as other brokers have them, numbers of that tenant
 * only. Publishing is the broker's.
 */
import type { Counters } from './counters.ts';

export interface SysFacts {
  readonly version: string;
  readonly uptimeS: number;
  readonly counters: Counters;
  /** Messages in the queues of the tenant's sessions. */
  readonly queuedMessages: number;
}

export interface SysTopic {
  readonly topic: string;
  readonly payload: string;
}

export function sysTopics({ version, uptimeS, counters, queuedMessages }: SysFacts): readonly SysTopic[] {
  const dropped = [...counters.drops.values()].reduce((total, messages) => total + messages, 0);
  const values: readonly (readonly [name: string, value: string | number])[] = [
    ['version', `SpokeMQ ${version}`],
    ['uptime', `${Math.floor(uptimeS)} seconds`],
    ['clients/connected', counters.connections],
    ['clients/disconnected', Math.max(0, counters.sessions - counters.connections)],
    ['clients/total', counters.sessions],
    ['clients/expired', counters.sessionsExpired],
    ['subscriptions/count', counters.subscriptions],
    ['retained messages/count', counters.retainedMessages],
    ['store/messages/count', queuedMessages],
    ['messages/received', sum(counters.messagesIn)],
    ['messages/sent', sum(counters.messagesOut)],
    ['publish/messages/received', sum(counters.messagesIn)],
    ['publish/messages/sent', sum(counters.messagesOut)],
    ['publish/messages/dropped', dropped],
    ['publish/bytes/received', sum(counters.payloadBytesIn)],
    ['publish/bytes/sent', sum(counters.payloadBytesOut)],
  ];
  return values.map(([name, value]) => ({ topic: `$SYS/broker/${name}`, payload: String(value) }));
}

function sum(perQoS: readonly [number, number, number]): number {
  return perQoS[0] + perQoS[1] + perQoS[2];
}
