/** The `spoke` command: one file per sub-command, each registers itself here. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../app/config.ts';
import { VERSION } from '../app/version.ts';
import { CommandError, EXIT } from './cli-context.ts';
import type { CliContext } from './cli-context.ts';
import { registerAuditCommand } from './commands/audit.ts';
import { registerConfigCommand } from './commands/config.ts';
import { registerDrainCommand } from './commands/drain.ts';
import { registerFleetCommand } from './commands/fleet.ts';
import { registerEventsCommand } from './commands/events.ts';
import { registerMembersCommand } from './commands/members.ts';
import { registerMetadataCommand } from './commands/metadata.ts';
import { registerProveCommand } from './commands/prove.ts';
import { registerQueueCommand } from './commands/queue.ts';
import { registerSessionCommand } from './commands/session.ts';
import { registerStartCommand } from './commands/start.ts';
import { registerStatusCommand } from './commands/status.ts';
import { registerStorageCommand } from './commands/storage.ts';
import { registerTenantCommand } from './commands/tenant.ts';
import { registerUserCommand } from './commands/user.ts';

export type RegisterCommand = (program: Command, context: CliContext) => void;

const COMMANDS: readonly RegisterCommand[] = [
  registerStartCommand,
  registerMetadataCommand,
  registerStatusCommand,
  registerMembersCommand,
  registerDrainCommand,
  registerConfigCommand,
  registerSessionCommand,
  registerQueueCommand,
  registerEventsCommand,
  registerTenantCommand,
  registerAuditCommand,
  registerUserCommand,
  registerStorageCommand,
  registerFleetCommand,
  registerProveCommand,
];

/** Runs one command line (without `node` and script) and resolves to the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await buildProgram(context).parseAsync([...args], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    return exitCodeOf(error, context);
  }
}

/** Sub-commands inherit what is set before they register: ending by exception, where output goes. */
function buildProgram(context: CliContext): Command {
  const program = new Command('spoke')
    .description('A durable MQTT broker for fleets with flaky connections')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(spoke --help shows what there is)')
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    });
  for (const register of COMMANDS) register(program, context);
  return program;
}

function exitCodeOf(error: unknown, context: CliContext): number {
  if (error instanceof CommanderError) {
    // Help and version also end by exception, with code 0; commander has printed everything itself.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (error instanceof ConfigError) {
    context.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof CommandError) {
    context.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  context.stderr.write(`${text}\n`);
  return EXIT.failure;
}
