/** `spoke events tail`: the session event log, read from the running broker. */
import type { Command } from 'commander';
import type { AdminEvent } from '../../admin/admin-port.ts';
import { adminClient, everyTenantOption, withAdminOptions } from '../admin-command.ts';
import type { AdminOptions, TenantOption } from '../admin-command.ts';
import { printable } from '../../app/printable.ts';
import type { CliContext } from '../cli-context.ts';
import { timeText } from '../table.ts';

interface TailOptions extends AdminOptions, TenantOption {
  readonly follow?: boolean;
  readonly client?: string;
  readonly since?: string;
}

export function registerEventsCommand(program: Command, context: CliContext): void {
  const tail = program
    .command('events')
    .description('read the session event log')
    .command('tail')
    .description('print session events: connects, disconnects, subscriptions');

  withAdminOptions(tail)
    .addOption(everyTenantOption())
    .option('-f, --follow', 'go on with events as they happen')
    .option('--client <id>', 'only this client')
    .option(
      '--since <cursor>',
      'start, now, or the cursor of the last event seen (default: start; now with --follow)',
    )
    .action(async (options: TailOptions) => {
      const { tenant, client, follow } = options;
      const since = options.since ?? (follow === true ? 'now' : 'start');
      const admin = await adminClient(options, context);
      for await (const event of admin.lines<AdminEvent>('/api/v1/events', {
        tenant,
        client,
        follow,
        since,
      })) {
        context.stdout.write(options.json === true ? `${JSON.stringify(event)}\n` : eventText(event));
        if (context.stdout.isClosed) break;
      }
    });
}

function eventText({ timestampMs, event, tenant, clientId, detail }: AdminEvent): string {
  const fields = Object.entries(detail).map(([name, value]) => ` ${name}=${printable(String(value))}`);
  return `${timeText(timestampMs)} ${event} ${tenant}/${printable(clientId)}${fields.join('')}\n`;
}
