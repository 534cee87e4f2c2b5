/** One take-over, packet by packet: two connections of one client, and whoever sends it messages meanwhile. */
import type { IConnackPacket, IConnectPacket, IPublishPacket, Packet, QoS } from 'mqtt-packet';
import type { RawClient } from '../../support/raw-client.ts';
import type { RunningBroker } from '../../support/running-broker.ts';
import { ClientState } from './client-state.ts';
import { publish, subscribe } from './exchanges.ts';
import { isResumed, LAST, type Observed, type TakeOverCase } from './take-over-case.ts';
import { MQTT_5, newClientId } from './versions.ts';

/** Where the earlier connection is, and where the later one comes. */
export interface TakeOverPlaces {
  readonly first: RunningBroker;
  readonly second: RunningBroker;
}

const HOUR_S = 3600;
/** Never over in a test. */
const WILL_DELAY_S = 600;

export class TakeOver {
  readonly #case: TakeOverCase;
  readonly #places: TakeOverPlaces;
  readonly #clientId: string;
  readonly #topics: string;
  readonly #state = new ClientState();

  /** `topics`: below it are `in`, which the client subscribes to, `out`, where it publishes, and `will`. */
  constructor(take: TakeOverCase, places: TakeOverPlaces, clientId: string, topics: string) {
    this.#case = take;
    this.#places = places;
    this.#clientId = clientId;
    this.#topics = topics;
  }

  run(): Promise<Observed> {
    return this.#case.direction === 'to the client' ? this.#toClient() : this.#fromClient();
  }

  async #toClient(): Promise<Observed> {
    const { qos, order } = this.#case;
    const state = this.#state;
    const old = await this.#connectFirst();
    await subscribe(old, { topic: `${this.#topics}/in`, qos: 2 });
    const { client: feeder } = await this.#places.first.connect(MQTT_5, { clientId: newClientId('feeder') });
    const feed = (payload: string) => this.#feed(feeder, payload);

    // How far each message has come before anything happens.
    const answers: Packet[] = [];
    if (qos === 1) {
      // m1: PUBLISH is here, its PUBACK leaves now. m2: PUBLISH leaves the broker now.
      await feed('m1');
      push(answers, state.receives(await old.expect('publish')));
    } else if (qos === 2) {
      // m1: PUBREL is here, its PUBCOMP leaves now. m2: PUBLISH is here, its PUBREC leaves now. m3: PUBLISH leaves now.
      await feed('m1');
      await feed('m2');
      const first = state.receives(await old.expect('publish'));
      const second = state.receives(await old.expect('publish'));
      if (first !== undefined) old.send(first);
      push(answers, state.receives(await old.expect('pubrel')));
      push(answers, second);
    }
    const move = (): Promise<void> => {
      if (answers.length > 0) old.send(...answers);
      return feed(`m${qos + 1}`);
    };

    let next: RawClient;
    let connack: IConnackPacket;
    if (order === 'before') {
      await move();
      // The new message, and at QoS 2 PUBREL of m2: nobody answers them any more.
      for (let count = 0; count < Math.max(qos, 1); count++) state.receives(await old.next());
      ({ client: next, connack } = await this.#connectSecond());
    } else {
      next = await this.#places.second.open(this.#case.version);
      next.sendConnect(this.#secondConnect());
      await move();
      connack = await next.expect('connack');
    }
    const farewell = await this.#end(old);
    return this.#goOn(next, connack, farewell, async () => {
      const { client: later } = await this.#places.second.connect(MQTT_5, {
        clientId: newClientId('feeder'),
      });
      await this.#feed(later, LAST);
      later.destroy();
      feeder.destroy();
      if (isResumed(this.#case)) await this.#serve(next, () => state.taken.includes(LAST));
    });
  }

  async #fromClient(): Promise<Observed> {
    const { qos, order } = this.#case;
    const state = this.#state;
    const old = await this.#connectFirst();

    const move: Packet[] = [];
    if (qos === 2) {
      // m1: its PUBREL leaves now. m2: PUBREC is here, and no PUBREL leaves. m3: PUBLISH leaves now.
      old.send(state.publishes(this.#message('m1', 1)), state.publishes(this.#message('m2', 2)));
      push(move, state.receives(await old.expect('pubrec')));
      state.receives(await old.expect('pubrec'));
      move.push(state.publishes(this.#message('m3', 3)));
    } else if (qos === 1) {
      // m1: PUBACK is here or on its way. m2: PUBLISH leaves now.
      old.send(state.publishes(this.#message('m1', 1)));
      state.receives(await old.expect('puback'));
      move.push(state.publishes(this.#message('m2', 2)));
    } else {
      move.push(state.publishes(this.#message('m1', 0)));
    }

    let next: RawClient;
    let connack: IConnackPacket;
    if (order === 'before') {
      old.send(...move);
      for (const packet of await old.roundTrip()) state.receives(packet);
      ({ client: next, connack } = await this.#connectSecond());
    } else {
      next = await this.#places.second.open(this.#case.version);
      next.sendConnect(this.#secondConnect());
      old.send(...move);
      connack = await next.expect('connack');
    }
    const farewell = await this.#end(old);
    return this.#goOn(next, connack, farewell, async () => {
      next.send(state.publishes(this.#message(LAST, 9)));
      await this.#serve(next, () => state.isIdle);
    });
  }

  /** The later connection has the session: it repeats what it must, and the rest is as ever. */
  async #goOn(
    next: RawClient,
    connack: IConnackPacket,
    farewell: number | undefined,
    rest: () => Promise<void>,
  ): Promise<Observed> {
    const { taken, acknowledged, problems } = this.#state;
    const code = connack.reasonCode ?? connack.returnCode;
    if (code !== 0) throw new Error(`CONNACK ${code}`);
    if (!connack.sessionPresent) this.#state.forgets();
    const repeats = this.#state.repeats();
    if (repeats.length > 0) next.send(...repeats);
    await rest();
    for (const packet of await next.roundTrip()) problems.push(`${packet.cmd} too many`);
    next.destroy();
    return { sessionPresent: connack.sessionPresent, farewell, taken, acknowledged, problems };
  }

  /** Answers as a client does until everything has come to its end. */
  async #serve(next: RawClient, isDone: () => boolean): Promise<void> {
    while (!isDone() || !this.#state.isIdle) {
      const answer = this.#state.receives(await next.next());
      if (answer !== undefined) next.send(answer);
    }
  }

  async #feed(feeder: RawClient, payload: string): Promise<void> {
    const { qos } = this.#case;
    const reasonCode = await publish(feeder, { topic: `${this.#topics}/in`, qos, payload });
    if (reasonCode >= 0x80) this.#state.problems.push(`${payload} was refused with ${reasonCode}`);
  }

  /** What the earlier connection still got, which is over. Returns the reason of its DISCONNECT. */
  async #end(old: RawClient): Promise<number | undefined> {
    await old.closed();
    let farewell: number | undefined;
    for (let packet = await lastWord(old); packet !== undefined; packet = await lastWord(old)) {
      if (farewell !== undefined) this.#state.problems.push(`${packet.cmd} after DISCONNECT`);
      if (packet.cmd === 'disconnect') farewell = packet.reasonCode ?? 0;
      else this.#state.receives(packet);
    }
    return farewell;
  }

  async #connectFirst(): Promise<RawClient> {
    const { lasting, version } = this.#case;
    const clean = version.level === 5 || !lasting;
    const will = this.#will();
    const { client } = await this.#places.first.connect(version, {
      ...this.#connect(clean),
      ...(will === undefined ? {} : { will }),
    });
    return client;
  }

  #connectSecond(): Promise<{ client: RawClient; connack: IConnackPacket }> {
    return this.#places.second.connect(this.#case.version, this.#secondConnect());
  }

  #secondConnect(): Partial<IConnectPacket> {
    return this.#connect(this.#case.cleanStart);
  }

  #connect(clean: boolean): Partial<IConnectPacket> {
    const { version, lasting } = this.#case;
    const properties = version.level === 5 && lasting ? { sessionExpiryInterval: HOUR_S } : undefined;
    return { clientId: this.#clientId, clean, ...(properties === undefined ? {} : { properties }) };
  }

  #will(): IConnectPacket['will'] | undefined {
    const { will } = this.#case;
    if (will === 'none') return undefined;
    const properties = will === 'delayed' ? { properties: { willDelayInterval: WILL_DELAY_S } } : {};
    return {
      topic: `${this.#topics}/will`,
      payload: Buffer.from('will'),
      qos: 1,
      retain: false,
      ...properties,
    };
  }

  #message(payload: string, messageId: number): IPublishPacket {
    const qos: QoS = this.#case.qos;
    return {
      cmd: 'publish',
      topic: `${this.#topics}/out`,
      payload,
      qos,
      messageId,
      dup: false,
      retain: false,
    };
  }
}

function push(packets: Packet[], packet: Packet | undefined): void {
  if (packet !== undefined) packets.push(packet);
}

/** undefined: there are no more. */
async function lastWord(closed: RawClient): Promise<Packet | undefined> {
  try {
    return await closed.next();
  } catch {
    return undefined;
  }
}
