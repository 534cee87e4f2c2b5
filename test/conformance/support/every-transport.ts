/** One broker for the tests of a file, which run over each of its four transports, all at the same time. */
import type { IConnackPacket, IConnectPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { RawClient } from '../../support/raw-client.ts';
import { RunningBroker, TRANSPORTS, type BrokerSettings } from '../../support/running-broker.ts';
import { newClientId, type Version } from '../../integration/support/versions.ts';

type Connect = Partial<IConnectPacket>;

/** Clients of the broker, over one transport. */
export interface ClientSource {
  /** Opens a connection and sends nothing. */
  open(version: Version): Promise<RawClient>;
  /** Has a client identifier of its own unless one is given. */
  connect(version: Version, connect?: Connect): Promise<{ client: RawClient; connack: IConnackPacket }>;
  /** A client that was accepted. */
  connected(version: Version, connect?: Connect): Promise<RawClient>;
}

export function overEveryTransport(settings: BrokerSettings, tests: (over: ClientSource) => void): void {
  let broker: RunningBroker;

  beforeAll(async () => {
    broker = await RunningBroker.start({
      ...settings,
      limits: { connectionRateMax: 100_000, ...settings.limits },
    });
  });

  afterAll(() => broker.dispose());

  describe.concurrent.each(TRANSPORTS)('%s', (transport) => {
    const open = ({ level }: Version) => broker.open({ transport, level });
    const connect = ({ level }: Version, wishes: Connect = {}) =>
      broker.connect({ transport, level }, { clientId: newClientId(), ...wishes });
    const connected = async (version: Version, wishes?: Connect): Promise<RawClient> => {
      const { client, connack } = await connect(version, wishes);
      expect(connack.reasonCode ?? connack.returnCode).toBe(0);
      return client;
    };
    tests({ open, connect, connected });
  });
}
