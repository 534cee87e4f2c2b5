/** `npm run engines -- schema-registry start`: its options, and what it leaves running. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { EngineCommand } from '../engine.ts';
import { SchemaRegistryEngine } from './schema-registry-engine.ts';

/** What registries listen on that speak the Confluent API. */
const REGISTRY_PORT = 8081;
const PORT_MAX = 65_535;

interface SchemaRegistryStartOptions {
  readonly port: number;
}

export const schemaRegistryCommand: EngineCommand = {
  name: 'schema-registry',
  summary: 'Apicurio Registry, which speaks the Confluent API',
  addOptions: (start: Command) =>
    start.option('--port <port>', 'where clients find it', portNumber, REGISTRY_PORT),
  startDetached: async (dataDirectory, options, progress) => {
    const { record } = await SchemaRegistryEngine.start({
      ...(options as unknown as SchemaRegistryStartOptions),
      dataDirectory,
      progress,
    });
    return record;
  },
};

function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > PORT_MAX)
    throw new InvalidArgumentError(`It has to be a whole number from 1 to ${PORT_MAX}.`);
  return value;
}
