/**
 * What the clients of one tenant see does not depend on what another tenant does with the same client identifiers and topics: each tenant's
 * steps alone, on a broker of its own, show the same.
 */
import fc from 'fast-check';
import type { IPublishPacket, Packet, QoS } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { AnonymousAuthenticator } from '../../src/auth/anonymous-authenticator.ts';
import type { TenantId } from '../../src/tenancy/identity.ts';
import { TenantDirectory } from '../../src/tenancy/tenant-directory.ts';
import { startMemoryBroker, type MemoryBroker } from '../support/memory-broker.ts';
import { RawClient } from '../support/raw-client.ts';

const TENANTS = ['red', 'blue'] as const;
type Tenant = (typeof TENANTS)[number];
const CLIENTS = ['one', 'two', 'three'];
const TOPICS = ['a', 'a/b', 'c'];
const FILTERS = [...TOPICS, '#', 'a/+', '+', '$share/g/#', '$share/g/a'];

const client = fc.constantFrom(...CLIENTS);
const qos = fc.constantFrom<QoS>(0, 1, 2);
const action = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('connect'), client, clean: fc.boolean(), will: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), client, drop: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('subscribe'),
      client,
      filter: fc.constantFrom(...FILTERS),
      qos,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('unsubscribe'), client, filter: fc.constantFrom(...FILTERS) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish'),
      client,
      topic: fc.constantFrom(...TOPICS),
      qos,
      retain: fc.boolean(),
      empty: fc.boolean(),
    }),
  },
);
type Action = typeof action extends fc.Arbitrary<infer Each> ? Each : never;
interface Step {
  readonly tenant: Tenant;
  readonly action: Action;
}
const step: fc.Arbitrary<Step> = fc.record({ tenant: fc.constantFrom(...TENANTS), action });

/** One tenant's clients: does one thing after the other, and notes everything that comes, in order for each client. */
class TenantClients {
  readonly seen = new Map<string, string[]>();
  readonly #broker: MemoryBroker;
  readonly #tenant: Tenant;
  readonly #clients = new Map<string, RawClient>();
  /** Clients that are connected and have a will. */
  readonly #mortals = new Set<string>();
  #published = 0;
  #willsDue = 0;

  constructor(broker: MemoryBroker, tenant: Tenant) {
    this.#broker = broker;
    this.#tenant = tenant;
  }

  async do(action: Action): Promise<void> {
    const there = this.#clients.get(action.client);
    switch (action.kind) {
      case 'connect': {
        const { client, connack } = await RawClient.connect(
          { port: this.#broker.port, level: 4 },
          {
            clientId: action.client,
            clean: 'clean' in action && action.clean,
            username: `${this.#tenant}/any`,
            ...('will' in action && action.will ? { will: this.#will(action.client) } : {}),
          },
        );
        await this.#parted(action.client);
        if ('will' in action && action.will) this.#mortals.add(action.client);
        this.#note(action.client, `connack ${connack.sessionPresent}`);
        this.#clients.set(action.client, client);
        await there?.closed();
        break;
      }
      case 'leave':
        if (there === undefined) return;
        this.#clients.delete(action.client);
        if ('drop' in action && action.drop) there.destroy();
        else there.send({ cmd: 'disconnect' });
        await there.closed();
        await this.#released(action.client);
        if (!('drop' in action && action.drop)) this.#mortals.delete(action.client);
        await this.#parted(action.client);
        break;
      case 'subscribe':
      case 'unsubscribe':
        if (there === undefined || !('filter' in action)) return;
        await this.#ask(
          action.client,
          there,
          action.kind === 'subscribe' && 'qos' in action
            ? { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: action.filter, qos: action.qos }] }
            : { cmd: 'unsubscribe', messageId: 1, unsubscriptions: [action.filter] },
        );
        break;
      case 'publish':
        if (there !== undefined && 'topic' in action && 'retain' in action)
          await this.#publish(action.client, there, action);
    }
    await this.settle();
  }

  #will(name: string) {
    return {
      topic: TOPICS[0] ?? '',
      payload: Buffer.from(`${this.#tenant} ${name} is gone`),
      qos: 1,
      retain: false,
    } as const;
  }

  /** Its will is published, if it had one. */
  async #parted(name: string): Promise<void> {
    if (!this.#mortals.delete(name)) return;
    this.#willsDue++;
    const { broker } = this.#broker;
    const tenant = broker.tenant(this.#tenant as string as TenantId);
    await expect.poll(() => tenant?.counters.willsPublished, { interval: 1 }).toBe(this.#willsDue);
    await broker.services.batcher.barrier();
  }

  /** Everything that is on its way has come. */
  async settle(): Promise<void> {
    for (const [name, client] of this.#clients) {
      while (this.#take(name, client, await client.roundTrip())) continue;
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.destroy();
    await Promise.all(Array.from(this.#clients.values(), (client) => client.closed()));
  }

  async #publish(
    name: string,
    client: RawClient,
    {
      topic,
      qos,
      retain,
      empty,
    }: Pick<IPublishPacket, 'topic' | 'qos' | 'retain'> & { readonly empty: boolean },
  ): Promise<void> {
    const payload = empty && retain ? '' : `${this.#tenant} ${++this.#published}`;
    const packet = { cmd: 'publish', topic, qos, retain, payload, dup: false, messageId: 2 } as const;
    if (qos === 0) client.send(packet);
    else await this.#ask(name, client, packet);
    if (qos === 2) await this.#ask(name, client, { cmd: 'pubrel', messageId: 2 });
  }

  /** Resolves with the answer, whatever comes before it. */
  async #ask(name: string, client: RawClient, question: Packet): Promise<void> {
    client.send(question);
    for (;;) {
      const packet = await client.next();
      const isAnswer = packet.cmd !== 'publish' && packet.cmd !== 'pubrel';
      this.#take(name, client, [packet]);
      if (isAnswer) return;
    }
  }

  /** Whether something was answered, so that more may come. */
  #take(
    name: string,
    client: RawClient,
    packets: readonly Awaited<ReturnType<RawClient['next']>>[],
  ): boolean {
    let answered = false;
    for (const packet of packets) {
      const messageId = 'messageId' in packet ? (packet.messageId ?? 0) : 0;
      if (packet.cmd === 'publish') {
        const { topic, payload, retain } = packet;
        this.#note(name, `${topic} ${payload.toString()} ${packet.qos} ${retain}`);
        if (packet.qos > 0) client.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId });
        answered ||= packet.qos > 0;
      } else if (packet.cmd === 'pubrel') {
        client.send({ cmd: 'pubcomp', messageId });
        answered = true;
      } else if (packet.cmd === 'suback') {
        this.#note(name, `suback ${JSON.stringify(packet.granted)}`);
      }
    }
    return answered;
  }

  /** The broker has noticed that the client is gone: what is published from now on finds it absent. */
  async #released(name: string): Promise<void> {
    const tenant = this.#broker.broker.tenant(this.#tenant as string as TenantId);
    await expect
      .poll(() => [...(tenant?.registry.sessions() ?? [])].find(({ clientId }) => clientId === name)?.owner, {
        interval: 1,
      })
      .toBeUndefined();
  }

  #note(name: string, what: string): void {
    const notes = this.seen.get(name) ?? [];
    this.seen.set(name, notes);
    notes.push(what);
  }
}

async function play(steps: readonly Step[]): Promise<Record<Tenant, ReadonlyMap<string, string[]>>> {
  const tenants = TENANTS.map((name) => name as string as TenantId);
  const broker = await startMemoryBroker({
    tenants: new TenantDirectory(tenants),
    authenticator: new AnonymousAuthenticator(new Set(tenants)),
  });
  const clients = { red: new TenantClients(broker, 'red'), blue: new TenantClients(broker, 'blue') };
  try {
    for (const { tenant, action } of steps) await clients[tenant].do(action);
    for (const tenant of TENANTS) await clients[tenant].settle();
    return { red: clients.red.seen, blue: clients.blue.seen };
  } finally {
    for (const tenant of TENANTS) await clients[tenant].close();
    await broker.close();
  }
}

test('a tenant sees what it would see if it were alone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const together = await play(steps);
      for (const tenant of TENANTS) {
        const alone = await play(steps.filter((each) => each.tenant === tenant));
        expect(together[tenant]).toEqual(alone[tenant]);
      }
    }),
    { numRuns: 100 },
  );
});
