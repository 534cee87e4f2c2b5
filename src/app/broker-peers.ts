/**
 * This broker among the others of its cluster: a place in ZooKeeper, links over TCP, and the mesh that is made of both. Loaded only where
 * the event log is shared: a broker that is alone has no peers.
 */
import { readFile } from 'node:fs/promises';
import { CHECK_EVERY_MS } from '../adapters/file/file-version.ts';
import { openTcpPeerLinks, type TcpPeerLinks } from '../adapters/peer-tcp/open-tcp-peer-links.ts';
import type { PeerTls } from '../adapters/peer-tcp/peer-tls.ts';
import { openMembership } from '../adapters/zookeeper/zookeeper-membership.ts';
import type { Broker } from '../broker/broker.ts';
import type { PeerExchange } from '../broker/peers/peer-exchange.ts';
import { MemberRoster } from '../cluster/member-roster.ts';
import type { Membership } from '../cluster/membership.ts';
import type { PeerMesh } from '../cluster/peer-mesh.ts';
import { PROTOCOL } from '../cluster/wire/protocol-version.ts';
import type { EventLog, LogPosition, Offset } from '../event-log/event-log.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { Clock, Timers } from '../time/clock.ts';
import { OpenedParts } from './broker-stores.ts';
import type { SpokeConfig } from './config-schema.ts';
import { endpointOf } from './endpoint.ts';
import type { Logger } from './logging.ts';
import { memberGauges } from './member-gauges.ts';
import { WatchedFiles } from './watched-files.ts';

export interface BrokerPeersOptions {
  readonly config: SpokeConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly mesh: PeerMesh;
}

export class BrokerPeers {
  readonly membership: Membership;
  readonly links: TcpPeerLinks;
  readonly roster: MemberRoster;
  readonly gauges: readonly GaugeSource[];
  readonly #mesh: PeerMesh;
  /** undefined: it talks in the clear. */
  readonly #certificates: WatchedFiles | undefined;
  readonly #opened: OpenedParts;
  #exchange: PeerExchange | undefined;

  private constructor(
    membership: Membership,
    links: TcpPeerLinks,
    certificates: WatchedFiles | undefined,
    { mesh, clock }: BrokerPeersOptions,
    opened: OpenedParts,
  ) {
    this.membership = membership;
    this.links = links;
    this.roster = new MemberRoster({ membership, clock, reach: (incarnation) => mesh.reach(incarnation) });
    this.gauges = memberGauges(this.roster, mesh, certificates);
    this.#certificates = certificates;
    this.#mesh = mesh;
    this.#opened = opened;
  }

  /**
   * Takes a place among the members. From now on others wait for this broker, though it does not serve yet. Rejects when it cannot listen
   * for them, or with `StoreUnavailableError`.
   */
  static async open(options: BrokerPeersOptions): Promise<BrokerPeers> {
    const { config, logger, clock, timers, mesh } = options;
    const { cluster, hbase, broker } = config;
    const opened = new OpenedParts();
    try {
      // Before they are read: what changes meanwhile is a change.
      const certificates = cluster.tls.enabled ? await WatchedFiles.of(tlsFiles(cluster.tls)) : undefined;
      const links = opened.keep(
        await openTcpPeerLinks({
          self: mesh.incarnation,
          cluster: hbase.namespace,
          host: cluster.peerHost,
          port: cluster.peerPort,
          advertise: cluster.advertise === '' ? undefined : endpointOf(cluster.advertise),
          tls: cluster.tls.enabled ? await peerTls(cluster.tls) : undefined,
          timers,
          random: Math.random,
          log: logger,
        }),
      );
      const membership = await openMembership({
        quorum: hbase.zookeeperQuorum,
        namespace: hbase.namespace,
        sessionTimeoutMs: cluster.sessionTimeoutMs,
        self: {
          brokerId: broker.id,
          incarnation: mesh.incarnation,
          peerAddress: links.address,
          serverReference: cluster.serverReference === '' ? undefined : cluster.serverReference,
          protocol: PROTOCOL,
        },
        clock,
        timers,
        monotonicMs: () => performance.now(),
        onNotice: (notice) => {
          logger.warn({ notice }, 'membership');
        },
      });
      opened.keep({ close: () => membership.leave() });
      if (certificates !== undefined) {
        opened.keep({
          close: () => {
            certificates.close();
            return Promise.resolve();
          },
        });
        certificates.follow({
          checkEveryMs: CHECK_EVERY_MS,
          takeOver: async () => {
            links.exchangeCertificates(await peerTls(cluster.tls));
            logger.info('certificates for peers read again: new connections between brokers use them');
          },
          onProblem: (err) => {
            logger.error(
              { err },
              'certificates for peers changed but cannot be used: those from before stay',
            );
          },
        });
      }
      return new BrokerPeers(membership, links, certificates, options, opened);
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /**
   * Resolves when this broker knows every other one and is known to it, and has applied what was on both logs by then: what is subscribed or
   * retained anywhere from now on waits for this broker too, and what was before it has read.
   */
  async join(broker: Broker): Promise<void> {
    const { peers, sessionLog, retainedLog } = broker.services;
    this.#exchange = peers;
    this.#mesh.join(this.membership, this.links, peers);
    this.links.receive(peers);
    await peers.meetEverybody();
    await Promise.all([
      broker.applied.waitFor(await lastOf(sessionLog)),
      broker.appliedRetained.waitFor(await lastOf(retainedLog)),
    ]);
  }

  /** Reads the certificates again if they have changed. Never rejects. */
  async checkCertificates(): Promise<void> {
    await this.#certificates?.check();
  }

  /** Others are told at once that it is gone. */
  async close(): Promise<void> {
    this.#exchange?.close();
    this.#mesh.close();
    await this.#opened.close();
  }
}

async function lastOf(log: EventLog): Promise<readonly LogPosition[]> {
  const ends = await log.endOffsets();
  return ends.map((end, partition) => ({ partition, offset: (end - 1) as Offset }));
}

function tlsFiles({ certFile, keyFile, caFile }: SpokeConfig['cluster']['tls']): readonly string[] {
  return [certFile, keyFile, caFile];
}

async function peerTls(files: SpokeConfig['cluster']['tls']): Promise<PeerTls> {
  const read = (key: 'certFile' | 'keyFile' | 'caFile'): Promise<Buffer> =>
    readFile(files[key]).catch((cause: unknown) => {
      throw new Error(`cluster.tls.${key}: ${files[key]} cannot be read`, { cause });
    });
  const [cert, key, ca] = await Promise.all([read('certFile'), read('keyFile'), read('caFile')]);
  return { cert, key, ca };
}
