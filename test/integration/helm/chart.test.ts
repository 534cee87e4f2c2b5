/** The chart as Helm renders it: good by Helm's own lint, by the schemas of Kubernetes, and by the configuration of the broker. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../../src/app/config.ts';
import { deployPath, deployYaml, yamlDocuments } from '../../support/deployment.ts';
import { helmBinary } from '../../support/helm-binary.ts';
import { hasSchema, unknownFields } from '../../support/strict-manifest.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const run = promisify(execFile);
const CHART = deployPath('helm/spokemq');

/** Everything on that is off by default. */
const EVERYTHING = [
  'image.pullSecrets={registry}',
  'secrets.tls=tls,secrets.kafkaTls=kafka-tls,secrets.kafkaPassword.name=kafka,secrets.schemaRegistryUrl.name=registry',
  'config.kafka.sasl.mechanism=scram-sha-512,config.kafka.sasl.username=spokemq',
  'brokers.podAnnotations.a=b,brokers.nodeSelector.pool=mqtt,brokers.priorityClassName=high',
  'brokers.tolerations[0].key=mqtt,brokers.tolerations[0].operator=Exists',
  'brokers.env[0].name=NODE_OPTIONS,brokers.env[0].value=--max-old-space-size=1536',
  'service.type=LoadBalancer,service.externalTrafficPolicy=Local,service.loadBalancerSourceRanges={192.0.2.0/24}',
  'service.annotations.a=b,serviceAccount.annotations.a=b',
  'networkPolicy.clientsFrom[0].ipBlock.cidr=192.0.2.0/24',
  'monitoring.serviceMonitor.enabled=true,monitoring.alerts.enabled=true,monitoring.dashboards.enabled=true',
  'monitoring.serviceMonitor.labels.release=p,monitoring.alerts.labels.release=p',
];

const labels = z.record(z.string(), z.string());
const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels }),
});
type Manifest = z.infer<typeof manifest>;

const container = z.looseObject({
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
  securityContext: z.unknown(),
  volumeMounts: z.array(z.looseObject({ name: z.string() })),
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.number() })).default([]),
});
const podSpec = z.looseObject({
  automountServiceAccountToken: z.literal(false),
  enableServiceLinks: z.literal(false),
  securityContext: z.looseObject({ runAsNonRoot: z.literal(true), runAsUser: z.literal(10001) }),
  containers: z.tuple([container]),
  volumes: z.array(z.looseObject({ name: z.string() })),
  terminationGracePeriodSeconds: z.number().optional(),
});
const podTemplate = z.looseObject({ metadata: z.looseObject({ labels }), spec: podSpec });

async function helm(...parameters: string[]): Promise<string> {
  const { stdout } = await run(helmBinary() ?? 'helm', parameters, { maxBuffer: 16 * 1_048_576 });
  return stdout;
}

async function rendered(...settings: readonly string[]): Promise<readonly Manifest[]> {
  const set = settings.flatMap((setting) => ['--set', setting]);
  const text = await helm('template', 'fleet', CHART, '--namespace', 'mqtt', ...set);
  return yamlDocuments(text)
    .filter((document) => document !== null)
    .map((document) => manifest.parse(document));
}

/** Pods that a manifest makes. */
function podOf(made: Manifest): z.infer<typeof podTemplate> | undefined {
  const withTemplate = z.looseObject({ spec: z.looseObject({ template: podTemplate }) });
  const schedule = z.looseObject({ spec: z.looseObject({ jobTemplate: withTemplate }) });
  if (made.kind === 'CronJob') return schedule.parse(made).spec.jobTemplate.spec.template;
  return ['StatefulSet', 'Deployment', 'Job'].includes(made.kind)
    ? withTemplate.parse(made).spec.template
    : undefined;
}

function only(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((made) => made.kind === kind && made.metadata.name === name);
  expect(found, `${kind} ${name}`).toHaveLength(1);
  return found[0]!;
}

let plain: readonly Manifest[];
let full: readonly Manifest[];

beforeAll(async () => {
  [plain, full] = [await rendered(), await rendered(...EVERYTHING)];
});

it('passes the lint of Helm, warnings included', async () => {
  await helm('lint', '--strict', CHART);
});

it.each([
  ['a value that is not one', 'brokers.replica=3'],
  ['no broker', 'brokers.replicas=0'],
  ['a log that the pods would lose', 'config.eventLog.store=embedded'],
  ['a listener without a port', 'config.listeners[0].transport=tcp,config.listeners[0].host=0.0.0.0'],
])('refuses %s', async (_what, setting) => {
  await expect(helm('template', 'fleet', CHART, '--set', setting)).rejects.toThrow(/schema/);
});

describe('what is rendered', () => {
  it('has only fields that Kubernetes knows', () => {
    for (const made of [...plain, ...full].filter(hasSchema)) {
      expect(unknownFields(made), `${made.kind} ${made.metadata.name}`).toEqual([]);
    }
    const others = full.filter((made) => !hasSchema(made)).map(({ kind }) => kind);
    expect(others.sort()).toEqual(['PrometheusRule', 'ServiceMonitor']);
  });

  it('is looked at closely enough to find a misspelt field', () => {
    const budget = only(plain, 'PodDisruptionBudget', 'fleet-spokemq');
    expect(unknownFields({ ...budget, spec: { maxUnavailable: 1, maxUnavailabel: 1 } } as Manifest)).toEqual([
      '/spec/maxUnavailabel',
    ]);
    expect(unknownFields({ ...budget, specs: 1 } as Manifest)).toEqual(['/specs']);
    expect(() => unknownFields({ ...budget, spec: { maxUnavailable: [] } } as Manifest)).toThrow();
  });

  it('contains no secret', () => {
    expect(full.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  it('has all pods without rights, and with every volume that they mount', () => {
    const pods = full.flatMap((made) => podOf(made) ?? []);
    expect(pods).toHaveLength(4);
    for (const { spec } of pods) {
      const [{ securityContext, volumeMounts }] = spec.containers;
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(volumeMounts.map(({ name }) => name).sort()).toEqual(
        spec.volumes.map(({ name }) => name).sort(),
      );
    }
  });

  it('selects the pods that it means', () => {
    const pods = new Map(
      plain.flatMap((made) => {
        const pod = podOf(made);
        return pod === undefined ? [] : [[made.metadata.name, pod.metadata.labels] as const];
      }),
    );
    const selecting = z.looseObject({
      spec: z.looseObject({
        selector: z.union([z.strictObject({ matchLabels: labels }), labels]).optional(),
      }),
    });
    const selected = plain.flatMap((made) => {
      const { selector } = selecting.parse(
        made.kind === 'ConfigMap' || made.kind === 'ServiceAccount' ? { spec: {} } : made,
      ).spec;
      if (selector === undefined) return [];
      const wanted = Object.entries('matchLabels' in selector ? (selector.matchLabels as object) : selector);
      const names = [...pods].filter(([, own]) => wanted.every(([label, value]) => own[label] === value));
      return [[`${made.kind} ${made.metadata.name}`, names.map(([name]) => name)] as const];
    });
    const [broker, metadata] = [['fleet-spokemq'], ['fleet-spokemq-metadata']];
    expect(Object.fromEntries(selected)).toEqual({
      'StatefulSet fleet-spokemq': broker,
      'PodDisruptionBudget fleet-spokemq': broker,
      'Service fleet-spokemq': broker,
      'Service fleet-spokemq-brokers': broker,
      'Deployment fleet-spokemq-metadata': metadata,
      'Service fleet-spokemq-metadata': metadata,
    });
  });

  it('gives a broker longer than a graceful stop takes', () => {
    const { spec } = podOf(only(plain, 'StatefulSet', 'fleet-spokemq'))!;
    const { config } = loadConfig({ file: undefined, environment: {}, workingDirectory: CHART });
    expect(spec.terminationGracePeriodSeconds! * 1_000).toBeGreaterThan(5_000 + config.shutdown.deadlineMs);
  });

  it('configures every process without a problem or a warning', async () => {
    const directory = await temporaryDirectory();
    for (const made of full) {
      const pod = podOf(made);
      if (pod === undefined) continue;
      const [{ env }] = pod.spec.containers;
      const name = made.kind === 'Job' ? made.metadata.name : 'fleet-spokemq';
      const { data } = z
        .looseObject({ data: z.strictObject({ 'spokemq.yaml': z.string() }) })
        .parse(only(full, 'ConfigMap', name));
      const file = join(directory, `${made.metadata.name}.yaml`);
      await writeFile(file, data['spokemq.yaml']);
      const environment = Object.fromEntries(
        env
          .filter(({ name: variable }) => variable.startsWith('SPOKE_'))
          .map(({ name: variable, value }) => [
            variable,
            // What Kubernetes fills in.
            (value ?? 'from-a-secret')
              .replaceAll('$(POD_NAME)', 'fleet-spokemq-0')
              .replace(/^from-a-secret$/, 'http://registry'),
          ]),
      );
      const { config, warnings } = loadConfig({ file, environment, workingDirectory: directory });
      expect(warnings, made.metadata.name).toEqual([]);
      expect(config.metadata.inBroker).toBe(false);
      expect(config.auth.mode).toBe('file');
      if (made.kind === 'StatefulSet') expect(config.broker.id).toBe('fleet-spokemq-0');
    }
  });

  it('has the alerts and dashboards of the files', () => {
    const rule = z.looseObject({ spec: z.unknown() }).parse(only(full, 'PrometheusRule', 'fleet-spokemq'));
    expect(rule.spec).toEqual(deployYaml('helm/spokemq/files/alerts.yaml'));
    const { data } = z
      .looseObject({ data: z.record(z.string(), z.string()) })
      .parse(only(full, 'ConfigMap', 'fleet-spokemq-dashboards'));
    for (const [name, text] of Object.entries(data))
      expect(parse(text)).toEqual(
        JSON.parse(readFileSync(deployPath(`helm/spokemq/files/dashboards/${name}`), 'utf8')),
      );
  });
});
