/** `spoke tenant list|show|create|change|suspend|resume|delete`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { TenantSettingsRequest, TenantSummary } from '../../admin/tenants-port.ts';
import type { AdminClient } from '../admin-client.ts';
import { adminClient, print, withAdminOptions, type AdminOptions } from '../admin-command.ts';
import { CommandError, type CliContext } from '../cli-context.ts';
import { facts, table, timeText, type Column } from '../table.ts';

const TENANTS = '/api/v1/tenants';
const TENANT = '/api/v1/tenant';
const ASK_EVERY_MS = 500;

const COLUMNS: readonly Column<TenantSummary>[] = [
  { title: 'TENANT', value: ({ tenant }) => tenant },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'SESSIONS', value: ({ sessions }) => sessions },
  { title: 'SUBSCRIPTIONS', value: ({ subscriptions }) => subscriptions },
  { title: 'RETAINED', value: ({ retainedMessages }) => retainedMessages },
  { title: 'CONNECTED HERE', value: ({ connections }) => connections },
];

interface SettingsOptions extends AdminOptions {
  readonly limit?: Readonly<Record<string, number>>;
  readonly chain?: readonly string[];
}

interface DeleteOptions extends AdminOptions {
  readonly yes?: boolean;
  /** `--no-wait` */
  readonly wait: boolean;
}

export function registerTenantCommand(program: Command, context: CliContext): void {
  const tenant = program.command('tenant').description('create, change, suspend and delete tenants');

  withAdminOptions(tenant.command('list').description('list tenants')).action(
    async (options: AdminOptions) => {
      const admin = await adminClient(options, context);
      const { items } = await admin.get<{ readonly items: readonly TenantSummary[] }>(TENANTS);
      print(items, options, context, () => table(COLUMNS, items));
    },
  );

  withAdminOptions(tenant.command('show <tenant>').description('show one tenant')).action(
    async (name: string, options: AdminOptions) => {
      const admin = await adminClient(options, context);
      tell(await admin.get<TenantSummary>(TENANT, { tenant: name }), options, context);
    },
  );

  withSettings(tenant.command('create <tenant>').description('create a tenant')).action(
    async (name: string, options: SettingsOptions) => {
      const admin = await adminClient(options, context);
      const body = { tenant: name, ...settingsOf(options) };
      tell(await admin.post<TenantSummary>(TENANTS, body), options, context);
    },
  );

  withSettings(
    tenant.command('change <tenant>').description('change settings of a tenant, at once and everywhere'),
  ).action(async (name: string, options: SettingsOptions) => {
    const admin = await adminClient(options, context);
    const { limits, chain } = settingsOf(options);
    const before = await admin.get<TenantSummary>(TENANT, { tenant: name });
    const body: TenantSettingsRequest = {
      ...(limits === undefined ? {} : { limits: { ...before.limits, ...limits } }),
      ...(chain === undefined ? {} : { chain }),
    };
    tell(await admin.patch<TenantSummary>(TENANT, body, { tenant: name }), options, context);
  });

  for (const [name, description] of [
    ['suspend', 'disconnect its clients and refuse them; everything is kept'],
    ['resume', 'serve its clients again'],
  ] as const)
    withAdminOptions(tenant.command(`${name} <tenant>`).description(description)).action(
      async (tenantName: string, options: AdminOptions) => {
        const admin = await adminClient(options, context);
        tell(
          await admin.post<TenantSummary>(`${TENANT}/${name}`, undefined, { tenant: tenantName }),
          options,
          context,
        );
      },
    );

  withAdminOptions(
    tenant
      .command('delete <tenant>')
      .description('delete a tenant: sessions, queues, retained messages, users in the database'),
  )
    .option('--yes', 'do it: nothing of it can be brought back')
    .option('--no-wait', 'return at once')
    .action((name: string, options: DeleteOptions) => remove(name, options, context));
}

async function remove(name: string, options: DeleteOptions, context: CliContext): Promise<void> {
  const admin = await adminClient(options, context);
  if (options.yes !== true) {
    const { sessions, retainedMessages } = await admin.get<TenantSummary>(TENANT, { tenant: name });
    throw new CommandError(
      `Tenant ${name} has ${sessions} sessions and ${retainedMessages} retained messages, and nothing of it can be brought back. ` +
        'Say --yes to delete it.',
    );
  }
  let left: TenantSummary | undefined = await admin.delete<TenantSummary>(TENANT, { tenant: name });
  if (!options.wait) {
    tell(left, options, context);
    return;
  }
  for (; left !== undefined; left = await find(admin, name)) {
    context.stderr.write(
      `${name}: ${left.sessions} sessions and ${left.retainedMessages} retained messages left\n`,
    );
    await sleep(ASK_EVERY_MS);
  }
  print({ tenant: name, deleted: true }, options, context, () => `${name}: deleted\n`);
}

async function find(admin: AdminClient, name: string): Promise<TenantSummary | undefined> {
  const { items } = await admin.get<{ readonly items: readonly TenantSummary[] }>(TENANTS);
  return items.find(({ tenant }) => tenant === name);
}

function withSettings(command: Command): Command {
  return withAdminOptions(command)
    .option('--limit <name=number>', 'a quota of its own, as often as you like (see docs/quotas.md)', limitOf)
    .option(
      '--chain <names>',
      'authenticators in order, comma separated; "" is the configured chain',
      (text) => text.split(',').filter((name) => name !== ''),
    );
}

function settingsOf({ limit, chain }: SettingsOptions): TenantSettingsRequest {
  return {
    ...(limit === undefined ? {} : { limits: limit }),
    ...(chain === undefined ? {} : { chain }),
  };
}

function limitOf(
  text: string,
  before: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const [, name, digits] = /^([A-Za-z.]+)=(\d+)$/.exec(text) ?? [];
  const value = Number(digits);
  if (name === undefined || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It has to be NAME=NUMBER, for example tenant.connectionsMax=1000.');
  return { ...before, [name]: value };
}

function tell(tenant: TenantSummary, options: AdminOptions, context: CliContext): void {
  print(tenant, options, context, () =>
    facts([
      ['tenant', tenant.tenant],
      ['state', tenant.state],
      ['configured', tenant.configured ? 'yes' : 'no'],
      ['limits', limitsText(tenant.limits)],
      ['chain', tenant.chain?.join(', ') ?? 'as configured'],
      ['created', timeText(tenant.createdAtMs)],
      ['changed', timeText(tenant.changedAtMs)],
      ['sessions', tenant.sessions],
      ['subscriptions', tenant.subscriptions],
      ['retained', tenant.retainedMessages],
      ['connected here', tenant.connections],
    ]),
  );
}

function limitsText(limits: TenantSummary['limits']): string {
  const own = Object.entries(limits);
  return own.length === 0 ? 'as configured' : own.map(([name, value]) => `${name}=${value}`).join(', ');
}
