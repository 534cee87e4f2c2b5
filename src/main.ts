#!/usr/bin/env node
/** The `spoke` command. */
import { nodeContext } from './cli/node-context.ts';
import { runCli } from './cli/program.ts';

const context = nodeContext({
  loadBroker: async () => (await import('./app/broker-process.ts')).startBroker,
  loadMetadata: async () => (await import('./app/metadata-process.ts')).startMetadata,
});
process.exitCode = await runCli(process.argv.slice(2), context);
