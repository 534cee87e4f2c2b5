/** What the chart makes: good by the schemas of Kubernetes, true to itself, and configured as a broker accepts it. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../../src/app/config.ts';
import { renderedChart } from '../../support/chart/chart-rendering.ts';
import { EVERYTHING } from '../../support/chart/everything.ts';
import { labels, manifestsOf, only, podOf, type NamedManifest } from '../../support/chart/manifests.ts';
import { hasSchema, unknownFields } from '../../support/chart/strict-manifest.ts';
import { deployPath, deployYaml } from '../../support/deployment.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const beforeStop = z.looseObject({
  lifecycle: z.object({
    preStop: z.object({
      exec: z.object({ command: z.tuple([z.literal('sh'), z.literal('-c'), z.string()]) }),
    }),
  }),
});
const withServiceName = z.looseObject({ spec: z.looseObject({ serviceName: z.string() }) });
const withPorts = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    selector: labels,
    ports: z.array(z.object({ name: z.string(), port: z.number() })),
  }),
});
const withIngress = z.looseObject({
  spec: z.looseObject({
    ingress: z.array(
      z.object({ ports: z.array(z.object({ port: z.number() })), from: z.unknown().optional() }),
    ),
  }),
});

const plain = manifestsOf(renderedChart({}));
const full = manifestsOf(renderedChart(EVERYTHING));

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
    expect(
      unknownFields({ ...budget, spec: { maxUnavailable: 1, maxUnavailabel: 1 } } as NamedManifest),
    ).toEqual(['/spec/maxUnavailabel']);
    expect(unknownFields({ ...budget, specs: 1 } as NamedManifest)).toEqual(['/specs']);
    expect(() => unknownFields({ ...budget, spec: { maxUnavailable: [] } } as NamedManifest)).toThrow();
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

  it('gives a broker longer than it takes to drain and to stop', () => {
    const { spec } = podOf(only(plain, 'StatefulSet', 'fleet-spokemq'))!;
    const { config } = loadConfig({ file: undefined, environment: {}, workingDirectory: '/' });
    const [, drainS, forgetS] =
      /^timeout (\d+) spoke drain --rate \d+ --notice \d+s \|\| sleep (\d+)$/.exec(
        beforeStop.parse(spec.containers[0]).lifecycle.preStop.exec.command[2],
      ) ?? [];
    const neededMs = (Number(drainS) + Number(forgetS)) * 1_000 + config.shutdown.deadlineMs;
    expect(spec.terminationGracePeriodSeconds! * 1_000).toBeGreaterThan(neededMs);
  });

  it.each([
    ['as it is', plain],
    ['with everything on', full],
  ])(
    '%s, tells brokers of each other by the names of their pods, and lets nobody else come to them',
    (_what, made) => {
      const { metadata, spec } = withPorts.parse(only(made, 'Service', 'fleet-spokemq-brokers'));
      expect(withServiceName.parse(only(made, 'StatefulSet', 'fleet-spokemq')).spec.serviceName).toBe(
        metadata.name,
      );
      const peers = spec.ports.find(({ name }) => name === 'peers');
      const [{ env, ports }] = podOf(only(made, 'StatefulSet', 'fleet-spokemq'))!.spec.containers;
      expect(env.find(({ name }) => name === 'SPOKE_CLUSTER_ADVERTISE')?.value).toBe(
        `$(POD_NAME).${metadata.name}.mqtt.svc.cluster.local:${peers?.port}`,
      );
      expect(ports).toContainEqual({ name: 'peers', containerPort: peers?.port });
      const { ingress } = withIngress.parse(only(made, 'NetworkPolicy', 'fleet-spokemq')).spec;
      const allowed = ingress.filter((rule) => rule.ports.some(({ port }) => port === peers?.port));
      expect(allowed.map(({ from }) => from)).toEqual([[{ podSelector: { matchLabels: spec.selector } }]]);
    },
  );

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
      expect(config.auth).toMatchObject({ mode: 'file', passwords: { upgradeOnLogin: false } });
      if (made.kind !== 'StatefulSet') continue;
      expect(config.broker.id).toBe('fleet-spokemq-0');
      expect(config.cluster).toMatchObject({
        peerHost: '0.0.0.0',
        tls: { enabled: true, certFile: '/etc/spokemq/peers/tls.crt' },
      });
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
