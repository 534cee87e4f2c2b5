/** What Kubernetes would say of a manifest: types, required fields and names of fields, by the schemas of its API. */
import { CronJob, Job } from 'kubernetes-models/batch/v1';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service, ServiceAccount } from 'kubernetes-models/v1';

/** A class whose `validate` throws when `this` is not what the API takes. */
interface ModelOf {
  readonly prototype: { validate(this: unknown): void };
}

const MODELS: Readonly<Record<string, ModelOf>> = {
  'apps/v1 Deployment': Deployment,
  'apps/v1 StatefulSet': StatefulSet,
  'batch/v1 CronJob': CronJob,
  'batch/v1 Job': Job,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'v1 ConfigMap': ConfigMap,
  'v1 Service': Service,
  'v1 ServiceAccount': ServiceAccount,
};

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

export function hasSchema({ apiVersion, kind }: Manifest): boolean {
  return `${apiVersion} ${kind}` in MODELS;
}

/**
 * Paths of fields that the API does not know. Throws where it knows better what a field is. The schemas let unknown fields pass; but
 * they read every field that they know, and what they did not read is none.
 */
export function unknownFields(manifest: Manifest): readonly string[] {
  const Model = MODELS[`${manifest.apiVersion} ${manifest.kind}`];
  if (Model === undefined) throw new Error(`no schema of ${manifest.apiVersion} ${manifest.kind}`);
  const read = new Set<string>();
  // Asked of the manifest as it is: a model would hold a copy.
  Model.prototype.validate.call(recorded(manifest, '', read));
  return pathsOf(manifest, '').filter((path) => !read.has(path));
}

function recorded(value: unknown, path: string, read: Set<string>): unknown {
  if (value === null || typeof value !== 'object') return value;
  return new Proxy(value, {
    get: (target, key, receiver) => {
      const at = `${path}/${String(key)}`;
      read.add(at);
      return recorded(Reflect.get(target, key, receiver), at, read);
    },
  });
}

function pathsOf(value: unknown, path: string): string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    `${path}/${key}`,
    ...pathsOf(inner, `${path}/${key}`),
  ]);
}
