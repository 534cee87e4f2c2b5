/** `spoke events list|tail`; without either it lists. */
import type { Command } from 'commander';
import type { AdminEvent } from '../../admin/admin-port.ts';
import { adminClient, everyTenantOption, withAdminOptions } from '../admin-command.ts';
import type { AdminOptions, TenantOption } from '../admin-command.ts';
import type { Query } from '../admin-client.ts';
import { printable } from '../../app/printable.ts';
import type { CliContext } from '../cli-context.ts';
import { timeText } from '../table.ts';

interface EventOptions extends AdminOptions, TenantOption {
  readonly client?: string;
  readonly since?: string;
}

interface ListOptions extends EventOptions {
  readonly until?: string;
}

interface TailOptions extends EventOptions {
  readonly follow?: boolean;
}

export function registerEventsCommand(program: Command, context: CliContext): void {
  const events = program.command('events').description('read the session event log');

  withEventOptions(events.command('list', { isDefault: true }).description('list events of a time'))
    .option('--since <time>', 'from then on: 2026-11-28T10:00:00Z, or -2h (default: what the log still has)')
    .option('--until <time>', 'up to then')
    .action((options: ListOptions) => {
      const { since = 'start', until } = options;
      return printEvents(options, { since, until }, context);
    });

  withEventOptions(
    events.command('tail').description('print session events: connects, disconnects, subscriptions'),
  )
    .option('-f, --follow', 'go on with events as they happen')
    .option(
      '--since <place>',
      'start, now, the cursor of the last event seen, or a time (default: start; now with --follow)',
    )
    .action((options: TailOptions) => {
      const { follow } = options;
      const since = options.since ?? (follow === true ? 'now' : 'start');
      return printEvents(options, { since, follow }, context);
    });
}

function withEventOptions(command: Command): Command {
  return withAdminOptions(command).addOption(everyTenantOption()).option('--client <id>', 'only this client');
}

async function printEvents(options: EventOptions, query: Query, context: CliContext): Promise<void> {
  const { tenant, client, json } = options;
  const admin = await adminClient(options, context);
  for await (const event of admin.lines<AdminEvent>('/api/v1/events', { tenant, client, ...query })) {
    context.stdout.write(json === true ? `${JSON.stringify(event)}\n` : eventText(event));
    if (context.stdout.isClosed) break;
  }
}

function eventText({ timestampMs, event, tenant, clientId, detail }: AdminEvent): string {
  const fields = Object.entries(detail).map(([name, value]) => ` ${name}=${printable(String(value))}`);
  return `${timeText(timestampMs)} ${event} ${tenant}/${printable(clientId)}${fields.join('')}\n`;
}
