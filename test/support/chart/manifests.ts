/** What the tests read of manifests of Kubernetes. */
import { expect } from 'vitest';
import { z } from 'zod';

export const labels = z.record(z.string(), z.string());

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels }),
});
export type NamedManifest = z.infer<typeof manifest>;

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
export type PodTemplate = z.infer<typeof podTemplate>;

const withTemplate = z.looseObject({ spec: z.looseObject({ template: podTemplate }) });
const withSchedule = z.looseObject({ spec: z.looseObject({ jobTemplate: withTemplate }) });

export function manifestsOf(documents: readonly unknown[]): readonly NamedManifest[] {
  return documents.map((document) => manifest.parse(document));
}

/** Pods that a manifest makes. */
export function podOf(made: NamedManifest): PodTemplate | undefined {
  if (made.kind === 'CronJob') return withSchedule.parse(made).spec.jobTemplate.spec.template;
  return ['StatefulSet', 'Deployment', 'Job'].includes(made.kind)
    ? withTemplate.parse(made).spec.template
    : undefined;
}

export function only(manifests: readonly NamedManifest[], kind: string, name: string): NamedManifest {
  const found = manifests.filter((made) => made.kind === kind && made.metadata.name === name);
  expect(found, `${kind} ${name}`).toHaveLength(1);
  return found[0]!;
}
