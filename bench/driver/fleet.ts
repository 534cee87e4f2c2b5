/**
 * The connections of one driver process, in named groups, and the calls that act on them.
 */
import type {
  CallName,
  CloseParams,
  DrainParams,
  DrainResult,
  DriverCalls,
  Elapsed,
  OpenParams,
  ReconnectParams,
  ReconnectResult,
  SubscribeParams,
  TrafficParams,
  TrafficResult,
} from './calls.ts';
import { BenchClient, type MessageHandler } from './client.ts';
import { DeliveryTally } from './delivery-tally.ts';
import { monotonicMs } from './monotonic-clock.ts';
import type { Flow } from './publisher.ts';
import { Reconnection } from './reconnection.ts';
import { TrafficRun } from './traffic-run.ts';

/** Handshakes under way at once: enough to keep a broker busy, few enough for its listen backlog. */
const HANDSHAKES_MAX = 128;
const DRAIN_POLL_MS = 2;
/** Failures kept: the first few tell the story. */
const FAILURES_MAX = 5;

type MessageHandlerOf = (index: number) => MessageHandler | undefined;

export class Fleet {
  readonly #groups = new Map<string, BenchClient[]>();
  readonly #failures: string[] = [];
  #lastRun: { readonly run: number; readonly flows: readonly Flow[] } = { run: 0, flows: [] };

  readonly handlers: {
    [Name in CallName]: (params: DriverCalls[Name]['params']) => Promise<DriverCalls[Name]['result']>;
  } = {
    open: (params) => this.#open(params, () => undefined),
    close: (params) => this.#close(params),
    subscribe: (params) => this.#subscribe(params),
    traffic: (params) => this.#traffic(params),
    drain: (params) => this.#drain(params),
    reconnect: (params) => this.#reconnect(params),
  };

  async #open(params: OpenParams, handlerOf: MessageHandlerOf): Promise<Elapsed> {
    const startMs = monotonicMs();
    const clients = await inParallel(params.clients, async (plan, index) => {
      const client = await this.#connect(params, plan.clientId, handlerOf(index));
      if (plan.filters.length > 0) await client.subscribe(plan.filters, params.qos);
      return client;
    });
    this.#groups.set(params.group, [...this.#group(params.group), ...clients]);
    return { elapsedMs: monotonicMs() - startMs };
  }

  async #connect(
    { port, cleanSession, userName }: Pick<OpenParams, 'port' | 'cleanSession' | 'userName'>,
    clientId: string,
    onMessage: MessageHandler | undefined,
  ): Promise<BenchClient> {
    const onFailure = (error: Error): void => {
      if (this.#failures.length < FAILURES_MAX) this.#failures.push(error.message);
    };
    const options = { port, clientId, cleanSession, userName, onFailure };
    return BenchClient.connect(onMessage === undefined ? options : { ...options, onMessage });
  }

  async #close({ group, port, forget }: CloseParams): Promise<Elapsed> {
    const startMs = monotonicMs();
    await inParallel(this.#group(group), async (client) => {
      await client.disconnect();
      if (!forget) return;
      const eraser = await this.#connect({ port, cleanSession: true }, client.clientId, undefined);
      await eraser.disconnect();
    });
    this.#groups.delete(group);
    this.#failures.length = 0;
    return { elapsedMs: monotonicMs() - startMs };
  }

  async #subscribe({ group, filtersByClient, filtersPerPacket, qos }: SubscribeParams): Promise<Elapsed> {
    const startMs = monotonicMs();
    await inParallel(this.#group(group), async (client, index) => {
      const filters = filtersByClient[index] ?? [];
      for (let first = 0; first < filters.length; first += filtersPerPacket) {
        await client.subscribe(filters.slice(first, first + filtersPerPacket), qos);
      }
    });
    return { elapsedMs: monotonicMs() - startMs };
  }

  async #traffic(params: TrafficParams): Promise<TrafficResult> {
    const publishers = this.#group(params.publisherGroup);
    const subscribers = params.subscriberGroup === undefined ? [] : this.#group(params.subscriberGroup);
    const run = new TrafficRun(params, publishers, subscribers, this.#failures);
    this.#lastRun = { run: params.run, flows: run.flows };
    return run.complete();
  }

  async #drain(params: DrainParams): Promise<DrainResult> {
    const { run, flows } = this.#lastRun;
    const always = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
    const tally = new DeliveryTally(run, params.clients.length, flows.length, 'own', always);
    const expected = flows.reduce((sum, flow) => sum + flow.sent, 0);
    const cpuFrom = process.cpuUsage();
    const startMs = monotonicMs();
    await this.#open(params, (index) => (bytes, payloadAt, nowMs) => {
      tally.record(index, bytes, payloadAt, nowMs);
    });
    const giveUpMs = startMs + params.timeoutMs;
    while (tally.delivered < expected && monotonicMs() < giveUpMs && this.#failures.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    if (this.#failures.length === 0)
      await Promise.all(this.#group(params.group).map((client) => client.ping()));
    const cpu = process.cpuUsage(cpuFrom);
    return {
      expected,
      delivered: tally.delivered,
      duplicated: tally.duplicated,
      reordered: tally.reordered,
      elapsedMs: monotonicMs() - startMs,
      driverCpuMs: (cpu.user + cpu.system) / 1000,
      failures: [...this.#failures],
    };
  }

  async #reconnect(params: ReconnectParams): Promise<ReconnectResult> {
    const connect = (port: number, clientId: string): Promise<BenchClient> =>
      this.#connect({ port, cleanSession: false }, clientId, undefined);
    const reconnection = new Reconnection(params, connect);
    const clients = await reconnection.complete(this.#group(params.group));
    this.#groups.set(params.group, clients);
    this.#failures.length = 0;
    return reconnection.result;
  }

  #group(name: string): readonly BenchClient[] {
    return this.#groups.get(name) ?? [];
  }
}

/** Applies `action` to all items, HANDSHAKES_MAX at a time; results in the order of the items. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  action: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await action(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(HANDSHAKES_MAX, items.length) }, worker));
  return results;
}
