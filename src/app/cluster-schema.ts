/** Configuration of a broker among its peers: how they reach each other, and what they wait for. */
import { z } from 'zod';

/** ZooKeeper's own bounds with its default tick of 2 s are 4 s and 40 s. */
const SESSION_MS_MIN = 4_000;
const SESSION_MS_MAX = 40_000;
const BARRIER_MS_MAX = 60_000;
const NOTICE_BYTES_MAX = 16 * 1024 * 1024;

const ADDRESS = /^((\[[^\]\s]+\]|[^\s:]+):\d{1,5})?$/;

const text = (description: string) => z.string().default('').describe(description);

const tls = z.strictObject({
  enabled: z.boolean().default(false).describe('Brokers show each other certificates, and talk in TLS.'),
  certFile: text('Certificate chain of this broker, PEM.'),
  keyFile: text('Its private key, PEM.'),
  caFile: text('Authority that the certificates of all brokers come from, and no others; PEM.'),
});

export const cluster = z.strictObject({
  peerHost: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on for other brokers; used with `eventLog.store: kafka` only.'),
  peerPort: z
    .int()
    .min(0)
    .max(65_535)
    .default(7_883)
    .describe('TCP port for other brokers; 0 lets the system choose one.'),
  advertise: z
    .string()
    .regex(ADDRESS)
    .default('')
    .describe(
      'Where other brokers reach this one, `host:port`; empty: at `peerHost` and the port, which must not be every address then.',
    ),
  serverReference: text(
    'Where clients that another broker sends away reach this one, for example `broker-2.example.com:8883`; empty: they are not told.',
  ),
  tls: tls.prefault({}),
  sessionTimeoutMs: z
    .int()
    .min(SESSION_MS_MIN)
    .max(SESSION_MS_MAX)
    .default(10_000)
    .describe(
      'Silence towards ZooKeeper after which a broker counts as dead; a little earlier it stops serving.',
    ),
  barrierTimeoutMs: z
    .int()
    .min(1)
    .max(BARRIER_MS_MAX)
    .default(5_000)
    .describe(
      'How long SUBACK, the acknowledgement of a retained message, or taking a session over, waits for another broker that is alive and does not answer.',
    ),
  noticeBytesMax: z
    .int()
    .min(0)
    .max(NOTICE_BYTES_MAX)
    .default(65_536)
    .describe(
      'Messages up to this size go along when another broker is told of them; larger ones it reads. 0: none do.',
    ),
});
