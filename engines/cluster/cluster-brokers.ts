/** The cluster's own processes, brokers and metadata services: their files, their stores, their start. */
import { join } from 'node:path';
import { ServerProcess } from '../server-process.ts';
import { adminPort, brokerPorts, brokerSettings, configFile, metadataSettings } from './broker-file.ts';
import type { BrokerSettings, ConfigFile, SharedPlaces } from './broker-file.ts';
import type { EngineContext } from './cluster-engines.ts';
import type { MemberPorts } from './cluster-member.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { numbers } from './cluster-ports.ts';
import type { ClusterSize } from './cluster-ports.ts';
import { applyStorage, spokePlan } from './spoke-program.ts';

type BrokerOptions = Pick<ClusterOptions, 'settings' | 'rewrite' | 'launch'>;

const READINESS_PATH = '/health/ready';
const CALL_MS_MAX = 2_000;

/**
 * Writes what is not written yet, makes topics and tables, and starts every process; whether one is ready is for its caller to
 * wait for. Returns the files of the brokers by name.
 */
export async function startBrokers(
  context: EngineContext,
  places: SharedPlaces,
  size: ClusterSize,
  options: BrokerOptions,
): Promise<ReadonlyMap<string, ConfigFile>> {
  const metadata = new Map<string, ConfigFile>();
  for (const name of numbers(size.metadata).map((n) => `metadata-${n}`))
    metadata.set(name, await written(context, name, metadataSettings(name, context.ports, places), options));
  const brokers = new Map<string, ConfigFile>();
  for (const name of numbers(size.brokers).map((n) => `broker-${n}`))
    brokers.set(name, await written(context, name, brokerSettings(name, context.ports, places), options));

  const [anyBroker] = brokers.values();
  if (anyBroker !== undefined) await applyStorage(anyBroker.file, context.progress);
  context.progress(`starting ${[...metadata.keys(), ...brokers.keys()].join(', ')}`);
  for (const [name, file] of metadata) await start(context, name, 'metadata', file, options);
  for (const [name, file] of brokers) await start(context, name, 'broker', file, options);
  return brokers;
}

async function written(
  { directory }: EngineContext,
  name: string,
  plain: BrokerSettings,
  { settings, rewrite }: BrokerOptions,
): Promise<ConfigFile> {
  const wanted = settings === undefined ? plain : merged(plain, settings);
  // Who has settings of his own means them, whatever a start before has left.
  const replace = settings !== undefined || rewrite !== undefined;
  return await configFile(
    join(directory, name),
    name,
    async () => (await rewrite?.(name, wanted)) ?? wanted,
    replace,
  );
}

async function start(
  { directory, ports: clusterPorts, watchdog, add }: EngineContext,
  name: string,
  kind: 'broker' | 'metadata',
  configured: ConfigFile,
  { launch }: BrokerOptions,
): Promise<void> {
  const ports: MemberPorts = kind === 'broker' ? brokerPorts(configured) : adminPort(configured);
  const { admin } = adminPort(configured);
  const adminUrl = `http://127.0.0.1:${admin}`;
  const plan = spokePlan({
    ...launch?.(name),
    name,
    command: kind === 'broker' ? 'start' : 'metadata',
    file: configured.file,
    port: ports['mqtt'] ?? admin,
    log: join(directory, name, `${kind}.log`),
  });
  const server = new ServerProcess(plan, watchdog);
  await clusterPorts.give(name);
  await server.start();
  add({ name, kind, server, ports, adminUrl, call: () => callReadiness(adminUrl) });
}

async function callReadiness(adminUrl: string): Promise<void> {
  const response = await fetch(`${adminUrl}${READINESS_PATH}`, { signal: AbortSignal.timeout(CALL_MS_MAX) });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
}

/** Sections are merged key by key, everything else is replaced. */
function merged(settings: BrokerSettings, over: BrokerSettings): BrokerSettings {
  const entries = Object.entries(over).map(([key, value]) => {
    const before = settings[key as keyof BrokerSettings];
    return [key, isSection(before) && isSection(value) ? { ...before, ...value } : value] as const;
  });
  return { ...settings, ...Object.fromEntries(entries) };
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
