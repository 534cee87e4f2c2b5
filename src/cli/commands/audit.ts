/** `spoke audit`: who changed what, and who was not let in. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { AuditedEvent } from '../../admin/admin-port.ts';
import { printable } from '../../app/printable.ts';
import { AUDIT_KINDS } from '../../audit/audit-event.ts';
import { adminClient, everyTenantOption, positive, withAdminOptions } from '../admin-command.ts';
import type { AdminOptions, TenantOption } from '../admin-command.ts';
import type { CliContext } from '../cli-context.ts';
import { timeText } from '../table.ts';

interface AuditOptions extends AdminOptions, TenantOption {
  readonly kind?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly follow?: boolean;
}

export function registerAuditCommand(program: Command, context: CliContext): void {
  withAdminOptions(
    program.command('audit').description('print the audit trail: changes by administrators, refused logins'),
  )
    .addOption(everyTenantOption())
    .addOption(new Option('--kind <kind>', 'only entries of this kind').choices(AUDIT_KINDS))
    .option('--since <place>', 'start, now, a cursor, or a time: 2026-11-28T10:00:00Z, -2h (default: -1d)')
    .option('--until <time>', 'up to then')
    .addOption(new Option('-n, --limit <number>', 'end after so many').argParser(positive))
    .option('-f, --follow', 'go on with entries as they are recorded')
    .action((options: AuditOptions) => printAudit(options, context));
}

async function printAudit(options: AuditOptions, context: CliContext): Promise<void> {
  const { tenant, kind, since, until, limit, follow, json } = options;
  const admin = await adminClient(options, context);
  const query = { tenant, kind, since, until, limit, follow };
  for await (const entry of admin.lines<AuditedEvent>('/api/v1/audit', query)) {
    context.stdout.write(json === true ? `${JSON.stringify(entry)}\n` : entryText(entry));
    if (context.stdout.isClosed) break;
  }
}

/** Members that say nothing by themselves, or stand elsewhere in the line. */
const ELSEWHERE = new Set(['kind', 'atMs', 'sinceMs', 'cursor']);

function entryText(entry: AuditedEvent): string {
  const fields = Object.entries(entry)
    .filter(([name, value]) => !ELSEWHERE.has(name) && value !== '' && !(name === 'count' && value === 1))
    .map(([name, value]) => ` ${name}=${printable(String(value))}`);
  return `${timeText(entry.atMs)} ${entry.kind}${fields.join('')}\n`;
}
