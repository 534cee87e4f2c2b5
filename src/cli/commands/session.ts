/** `spoke session list|show|kick`. */
import type { Command } from 'commander';
import type { PastSession, SessionDetail, SessionSummary } from '../../admin/admin-port.ts';
import {
  adminClient,
  everyTenantOption,
  limitOption,
  print,
  tellIfMore,
  tenantOption,
  withAdminOptions,
} from '../admin-command.ts';
import type { AdminOptions, ListOptions, TenantOption } from '../admin-command.ts';
import { printable } from '../../app/printable.ts';
import type { CliContext } from '../cli-context.ts';
import { facts, table, timeText } from '../table.ts';
import type { Column } from '../table.ts';

interface SessionListOptions extends ListOptions {
  readonly match?: string;
  readonly connected?: boolean;
  readonly disconnected?: boolean;
}

interface ShowOptions extends AdminOptions, TenantOption {
  readonly at?: string;
}

interface KickOptions extends AdminOptions, TenantOption {
  readonly discard?: boolean;
}

const COLUMNS: readonly Column<SessionSummary>[] = [
  { title: 'TENANT', value: ({ tenant }) => tenant },
  { title: 'CLIENT', value: ({ clientId }) => clientId },
  { title: 'STATE', value: ({ connected }) => (connected ? 'connected' : 'away') },
  {
    title: 'SINCE',
    value: (session) => timeText(session.connected ? session.openedAtMs : session.closedAtMs),
  },
  { title: 'ADDRESS', value: ({ address }) => address },
  { title: 'SUBSCRIPTIONS', value: ({ subscriptionCount }) => subscriptionCount },
  { title: 'QUEUED', value: ({ queuedMessages }) => queuedMessages },
];

export function registerSessionCommand(program: Command, context: CliContext): void {
  const session = program.command('session').description('look at sessions, disconnect clients');

  withAdminOptions(session.command('list').description('list sessions'))
    .addOption(everyTenantOption())
    .addOption(limitOption())
    .option('-m, --match <text>', 'only client identifiers that contain this')
    .option('--connected', 'only connected ones')
    .option('--disconnected', 'only those whose client is away')
    .action(async (options: SessionListOptions) => {
      const { tenant, match } = options;
      const connected = options.connected === true ? true : options.disconnected === true ? false : undefined;
      const client = await adminClient(options, context);
      const query = { tenant, match, connected };
      const { items, more } = await client.list<SessionSummary>('/api/v1/sessions', query, options.limit);
      print(items, options, context, () => table(COLUMNS, items));
      tellIfMore(more, options, context);
    });

  withAdminOptions(session.command('show <client>').description('show the session of one client'))
    .addOption(tenantOption())
    .option('--at <time>', 'as it was then, told from the event log: 2026-11-28T10:00:00Z, or -2h')
    .action(async (client: string, options: ShowOptions) => {
      const admin = await adminClient(options, context);
      const query = { client, tenant: options.tenant };
      if (options.at !== undefined) {
        const past = await admin.get<PastSession>('/api/v1/session/past', { ...query, at: options.at });
        print(past, options, context, () => pastText(past));
        return;
      }
      const detail = await admin.get<SessionDetail>('/api/v1/session', query);
      print(detail, options, context, () => sessionText(detail));
    });

  withAdminOptions(session.command('kick <client>').description('disconnect a client'))
    .addOption(tenantOption())
    .option('--discard', 'also end its session: drop its subscriptions and its queue')
    .action(async (client: string, options: KickOptions) => {
      const admin = await adminClient(options, context);
      const query = { client, tenant: options.tenant, discard: options.discard };
      const outcome = await admin.delete<{ kicked: boolean; discarded: boolean }>('/api/v1/session', query);
      const did = [outcome.kicked ? 'disconnected' : '', outcome.discarded ? 'its session ended' : ''];
      const text = `${printable(client)}: ${did.filter((part) => part !== '').join(', ')}\n`;
      print(outcome, options, context, () => text);
    });
}

/** What the log has of a session, and so can be told of now and of then. */
function recordedFacts(session: SessionDetail | PastSession): Parameters<typeof facts>[0] {
  const { will, owner } = session;
  const connection = owner === undefined ? '-' : `${owner.incarnation}, connection ${owner.connection}`;
  return [
    ['client', session.clientId],
    ['tenant', session.tenant],
    ['session', session.sessionId],
    ['user', session.clientName === '' ? '-' : session.clientName],
    ['state', session.connected ? `connected to ${connection}` : 'away'],
    ['address', session.address],
    ['protocol level', session.level],
    ['opened', timeText(session.openedAtMs)],
    ['closed', session.connected ? '-' : `${timeText(session.closedAtMs)} (${session.closeReason ?? '-'})`],
    ['expires after', `${session.sessionExpiryS} s`],
    ['will', will === undefined ? '-' : `${will.topic} (QoS ${will.qos}, after ${will.delayS} s)`],
  ];
}

function pastText(past: PastSession): string {
  const { partition, offset, timestampMs } = past.record;
  const head = facts([
    ['at', timeText(past.atMs)],
    ...recordedFacts(past),
    ['recorded', `${timeText(timestampMs)} (partition ${partition}, offset ${offset})`],
  ]);
  if (past.sessionExpiryS === 0) return `${head}a transient session: its subscriptions are not on the log\n`;
  return head + subscriptionsText(past.subscriptions);
}

function sessionText(session: SessionDetail): string {
  const head = facts([
    ...recordedFacts(session),
    ['queued', `${session.queuedMessages} messages, ${session.queuedBytes} bytes`],
    ['in flight', session.inFlight],
    ['outbox', `${session.outboxBytes} bytes`],
  ]);
  return head + subscriptionsText(session.subscriptions);
}

function subscriptionsText(subscriptions: SessionDetail['subscriptions']): string {
  if (subscriptions.length === 0) return 'no subscriptions\n';
  const columns: readonly Column<SessionDetail['subscriptions'][number]>[] = [
    { title: 'FILTER', value: ({ filter }) => filter },
    { title: 'QOS', value: ({ qos }) => qos },
    { title: 'OPTIONS', value: subscriptionOptions },
  ];
  return `\n${table(columns, subscriptions)}`;
}

function subscriptionOptions(subscription: SessionDetail['subscriptions'][number]): string {
  const options = [
    subscription.noLocal ? 'no-local' : '',
    subscription.retainAsPublished ? 'retain-as-published' : '',
    subscription.retainHandling === 0 ? '' : `retain-handling=${subscription.retainHandling}`,
    subscription.subscriptionId === undefined ? '' : `id=${subscription.subscriptionId}`,
  ];
  return options.filter((option) => option !== '').join(' ');
}
