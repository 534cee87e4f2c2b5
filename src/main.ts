#!/usr/bin/env node
/** The `spoke` command. */
import { nodeContext } from './cli/node-context.ts';
import { runCli } from './cli/program.ts';

const context = nodeContext(async () => (await import('./app/broker-process.ts')).startBroker);
process.exitCode = await runCli(process.argv.slice(2), context);
