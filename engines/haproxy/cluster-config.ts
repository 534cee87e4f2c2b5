/**
 * HAProxy's configuration before a cluster of brokers: leastconn over those that are ready, PROXY protocol 2 towards them, TLS ended here
 * or passed through. `deploy/haproxy/` holds two of them, made by this; every line says there why it is so. Whether brokers, names
 * and files are there is not its business.
 */
import type { FrontTls } from './haproxy-config.ts';

/** What a listener of a broker is configured as; each wants PROXY headers. */
export type BrokerListener = 'tcp' | 'tls' | 'ws' | 'wss';

export interface ClusterBroker {
  /** In HAProxy's log and metrics: letters, digits, hyphens. */
  readonly name: string;
  /** Address or host name. */
  readonly host: string;
  /** Of its listeners and of its admin API, which is asked for readiness. */
  readonly ports: Readonly<Partial<Record<BrokerListener, number>> & { readonly admin: number }>;
}

export interface ClusterFront {
  readonly name: string;
  /** Where clients connect. */
  readonly port: number;
  /** Where it leads: with tcp and ws TLS ends here if `tls` says so, with tls and wss it goes through to the broker. */
  readonly listener: BrokerListener;
  readonly tls?: FrontTls;
}

/** Of health checks and time-outs, milliseconds; the defaults are what is shipped. */
export interface ClusterTimings {
  /** Between two checks of a broker that answers. */
  readonly checkMs: number;
  /** Between two while it is not certain yet whether it does. */
  readonly fastCheckMs: number;
  /** A check without an answer by then has failed. */
  readonly checkTimeoutMs: number;
  /** Over which a broker that has come back gets more and more of what its place in line would give it. */
  readonly slowStartMs: number;
  /** For whoever has not come through to a broker: TLS handshake included. */
  readonly handshakeMs: number;
}

export interface ClusterConfig {
  readonly fronts: readonly ClusterFront[];
  readonly brokers: readonly ClusterBroker[];
  /** Address that the fronts listen on; `*`: every one. */
  readonly bind: string;
  /** For people and for whoever starts HAProxy: only on this machine. */
  readonly statsPort: number;
  /** For Prometheus. */
  readonly metrics: { readonly bind: string; readonly port: number };
  /** Of the runtime API, and of the process that takes over at a reload. */
  readonly socketFile: string;
  /** `limits.keepAliveMaxS` of the brokers. */
  readonly keepAliveMaxS?: number;
  /** `limits.connectionsMax` of each broker. */
  readonly connectionsMax?: number;
  /** Over everything; default: what the limit of descriptors allows. */
  readonly maxconn?: number;
  /** Brokers are names whose addresses change while HAProxy runs. */
  readonly resolveNames?: boolean;
  readonly timings?: Partial<ClusterTimings>;
}

const TIMINGS: ClusterTimings = {
  checkMs: 2_000,
  fastCheckMs: 500,
  checkTimeoutMs: 2_000,
  slowStartMs: 30_000,
  handshakeMs: 10_000,
};

/** MQTT's longest, and what a broker allows unless it is told otherwise. */
const KEEP_ALIVE_MAX_S = 65_535;
/** A client has this many keep-alives to be heard of [MQTT-3.1.2-22]. */
const KEEP_ALIVE_FACTOR = 1.5;
/** On top, so that it is the broker who ends a silent connection, and says why. */
const SLACK_S = 600;
const CONNECTIONS_MAX = 100_000;
/** What the broker is told of the client: address, and where TLS ends here the name in its certificate. */
const PROXY_HEADER = 'send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl,cert-cn,ssl-cipher';
/** Of the admin API. */
const READINESS_PATH = '/health/ready';
/** Of the stats port: 200 and the process id while HAProxy serves, whether any broker does or not. */
export const LIVE_PATH = '/live';

export function renderClusterConfig(config: ClusterConfig): string {
  const timings = { ...TIMINGS, ...config.timings };
  const used = new Set(config.fronts.map(({ listener }) => listener));
  return [
    globalSection(config),
    ...(config.resolveNames === true ? [RESOLVERS] : []),
    defaultsSection(config, timings),
    readinessBackend(config, timings),
    ...config.fronts.map((front) => frontSection(front, config)),
    ...[...used].map((listener) => listenerBackend(listener, config, timings)),
    statsSection(config),
    metricsSection(config),
  ].join('\n');
}

function globalSection({ socketFile, maxconn }: ClusterConfig): string {
  return `global
  log stdout format raw local0 notice
  # Two descriptors per client.${
    maxconn === undefined
      ? ' How many clients there may be follows from the limit of descriptors (ulimit -n).'
      : `\n  maxconn ${maxconn}`
  }
  # A reload takes the open listening sockets over from here, so that no connection is refused meanwhile:
  #   haproxy -f NEW.cfg -x ${socketFile} -sf PID
  # The old process serves its connections until the last of them ends. With "hard-stop-after" it would cut them all at once.
  stats socket ${socketFile} mode 600 level admin expose-fd listeners
  ssl-default-bind-options ssl-min-ver TLSv1.2
`;
}

const RESOLVERS = `# A broker that comes back with another address is found again.
resolvers names
  parse-resolv-conf
  hold valid 5s
`;

function defaultsSection(
  { keepAliveMaxS = KEEP_ALIVE_MAX_S }: ClusterConfig,
  timings: ClusterTimings,
): string {
  return `defaults
  mode tcp
  log global
  # Until a connection has come through to a broker. A client whose TLS handshake does not come forward holds a place no longer.
  timeout client ${timings.handshakeMs}ms
  timeout server ${timings.handshakeMs}ms
  timeout connect 2s
  timeout queue 5s
  timeout check ${timings.checkTimeoutMs}ms
  # From then on this one counts in place of client and server. Silence is the broker's to judge: it waits for one and a half
  # times the keep-alive, at most ${keepAliveMaxS} s, and tells the client why it ends. This only has to be longer.
  timeout tunnel ${tunnelTimeoutS(keepAliveMaxS)}s
  # One side has ended, and the other is asked to.
  timeout client-fin 30s
  timeout server-fin 30s
  # Machines that vanish without a word, whatever their keep-alive: TCP asks them.
  option clitcpka
  clitcpka-idle 60s
  clitcpka-intvl 15s
  clitcpka-cnt 4
  option srvtcpka
  srvtcpka-idle 10s
  srvtcpka-intvl 5s
  srvtcpka-cnt 3
  # A broker that does not take the connection: another one, at once. The client need not come again.
  retries 3
  option redispatch 1
`;
}

function tunnelTimeoutS(keepAliveMaxS: number): number {
  return Math.ceil(keepAliveMaxS * KEEP_ALIVE_FACTOR) + SLACK_S;
}

/** One place that asks; the others follow it, so that a broker is asked once however many fronts there are. */
function readinessBackend({ brokers, resolveNames }: ClusterConfig, timings: ClusterTimings): string {
  const resolve = resolveNames === true ? ' resolvers names init-addr last,libc,none' : '';
  const servers = brokers.map(
    ({ name, host, ports }) => `  server ${name} ${addressOf(host)}:${ports.admin} check`,
  );
  return `# Which broker is ready. Takes no connections itself.
#   200: it gets its share. Any other answer: it lives and is not ready, as while it drains or starts, or while Kafka is away: it gets
#   nothing new and keeps every connection it has. No answer: it is dead or hangs, and its connections are cut, so that
#   clients come to another one now and not when their keep-alive is over. That is why the last two are told apart.
backend readiness
  option httpchk GET ${READINESS_PATH}
  http-check expect status 200 error-status L7OKC
  default-server inter ${timings.checkMs}ms fastinter ${timings.fastCheckMs}ms downinter ${timings.fastCheckMs}ms fall 3 rise 2${resolve}
${servers.join('\n')}
`;
}

function frontSection({ name, port, listener, tls }: ClusterFront, { bind }: ClusterConfig): string {
  return `frontend ${name}
  bind ${bindAddress(bind, port)}${tls === undefined ? '' : renderTls(tls, listener)}
  unique-id-format %ci:%cp-%Ts-%rt
  default_backend ${backendOf(listener)}
`;
}

/** The certificate is the client's to show or not: whether it has to is up to the broker's users. */
function renderTls({ certificateFile, clientAuthorityFile }: FrontTls, listener: BrokerListener): string {
  const protocol = listener === 'ws' ? 'http/1.1' : 'mqtt';
  const verify = clientAuthorityFile === undefined ? '' : ` ca-file ${clientAuthorityFile} verify optional`;
  return ` ssl crt ${certificateFile} alpn ${protocol}${verify}`;
}

function listenerBackend(
  listener: BrokerListener,
  { brokers, connectionsMax = CONNECTIONS_MAX, resolveNames }: ClusterConfig,
  timings: ClusterTimings,
): string {
  const resolve = resolveNames === true ? ' resolvers names init-addr last,libc,none' : '';
  const servers = brokers.flatMap(({ name, host, ports }) =>
    ports[listener] === undefined
      ? []
      : [`  server ${name} ${addressOf(host)}:${ports[listener]} track readiness/${name}`],
  );
  return `backend ${backendOf(listener)}
  # Connections last for days: what counts is how many a broker has, not whose turn it is.
  balance leastconn
  # After a restart a broker has none and would get everybody: it gets its share little by little.
  default-server slowstart ${timings.slowStartMs}ms maxconn ${connectionsMax} on-marked-down shutdown-sessions ${PROXY_HEADER}${resolve}
${servers.join('\n')}
`;
}

function statsSection({ statsPort }: ClusterConfig): string {
  return `# For this machine only: what HAProxy sees (/), whether it serves (${LIVE_PATH}), and whether anybody behind it does (/ready).
frontend stats
  mode http
  timeout client 10s
  bind 127.0.0.1:${statsPort}
  # Or who asks would go on asking the process before the last reload.
  option httpclose
  acl nobody nbsrv(readiness) lt 1
  monitor-uri /ready
  monitor fail if nobody
  http-request return status 200 content-type text/plain lf-string %pid if { path ${LIVE_PATH} }
  stats enable
  stats uri /
  stats refresh 5s
`;
}

function metricsSection({ metrics }: ClusterConfig): string {
  return `frontend metrics
  mode http
  timeout client 10s
  bind ${bindAddress(metrics.bind, metrics.port)}
  http-request use-service prometheus-exporter if { path /metrics }
`;
}

function backendOf(listener: BrokerListener): string {
  return `brokers-${listener}`;
}

function bindAddress(bind: string, port: number): string {
  return bind === '*' ? `:${port}` : `${addressOf(bind)}:${port}`;
}

function addressOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
