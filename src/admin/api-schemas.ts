/** JSON schemas of what the admin API takes and gives: requests are checked by them, OpenAPI shows them. */
import { ADMIN_ACTIONS, AUDIT_KINDS, LOCAL_ACTIONS } from '../audit/audit-event.ts';
import { MEMBER_STATES } from '../cluster/member-roster.ts';
import { CLOSE_REASONS } from '../session/events.ts';
import { TENANT_STATES } from '../tenancy/tenant.ts';
import { DRAIN_PHASES, PAGE_ITEMS_MAX, STARTUP_PHASES } from './admin-port.ts';
import { MOMENT_FORMS } from './moment.ts';

type Schema = Readonly<Record<string, unknown>>;

/** Members whose name ends in `?` may be absent. */
function object(members: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(members);
  return {
    type: 'object',
    required: entries.map(([name]) => name).filter((name) => !name.endsWith('?')),
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace(/\?$/, ''), schema])),
  };
}

function list(items: Schema): Schema {
  return { type: 'array', items };
}

function page(item: Schema): Schema {
  return object({ items: list(item), 'next?': { type: 'string', description: 'Cursor of the next page.' } });
}

const text = { type: 'string' };
const flag = { type: 'boolean' };
const count = { type: 'integer', minimum: 0 };
const qos = { type: 'integer', enum: [0, 1, 2] };
const timeMs = { type: 'integer', description: 'Milliseconds since 1970.' };
const tenant = { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$', description: 'Tenant.' };
const client = { type: 'string', minLength: 1, description: 'Client identifier.' };
const moment = { type: 'string', minLength: 1, description: `A moment: ${MOMENT_FORMS}.` };
const paging = {
  'cursor?': { type: 'string', minLength: 1, description: '`next` of the page before.' },
  'limit?': {
    type: 'integer',
    minimum: 1,
    maximum: PAGE_ITEMS_MAX,
    default: 100,
    description: 'Items per page.',
  },
};

/**
 * A client is named in the query, not in the path: `..` is a client identifier like any other, and paths lose it
 * on the way.
 */
export const oneClient = object({ 'tenant?': { ...tenant, default: 'default' }, client });

export const clientThen = object({ 'tenant?': { ...tenant, default: 'default' }, client, at: moment });

export const kickQuery = object({
  'tenant?': { ...tenant, default: 'default' },
  client,
  'discard?': { ...flag, default: false, description: 'Also end the session: drop subscriptions and queue.' },
});

export const sessionsQuery = object({
  'tenant?': tenant,
  'connected?': flag,
  'match?': { type: 'string', description: 'Part of the client identifier.' },
  ...paging,
});

export const queuesQuery = object({ 'tenant?': tenant, ...paging });

export const eventsQuery = object({
  'tenant?': tenant,
  'client?': client,
  'since?': {
    type: 'string',
    default: 'start',
    description: `\`start\`, \`now\`, the cursor of the last event seen, or a moment: ${MOMENT_FORMS}.`,
  },
  'until?': { ...moment, description: `Only events up to a moment: ${MOMENT_FORMS}.` },
  'follow?': { ...flag, default: false, description: 'Go on with events as they happen.' },
});

/** Entries in one answer. */
const AUDIT_ENTRIES_MAX = 100_000;

export const auditQuery = object({
  'tenant?': tenant,
  'kind?': { type: 'string', enum: AUDIT_KINDS, description: 'Only entries of this kind.' },
  'since?': {
    type: 'string',
    default: '-1d',
    description: `\`start\`, \`now\`, the cursor of the last entry seen, or a moment: ${MOMENT_FORMS}.`,
  },
  'until?': { ...moment, description: `Only entries up to a moment: ${MOMENT_FORMS}.` },
  'follow?': { ...flag, default: false, description: 'Go on with entries as they are recorded.' },
  'limit?': {
    type: 'integer',
    minimum: 1,
    maximum: AUDIT_ENTRIES_MAX,
    description: 'End after so many entries.',
  },
});

export const localChange = object({
  action: { type: 'string', enum: LOCAL_ACTIONS },
  'tenant?': tenant,
  'target?': { type: 'string', maxLength: 512, description: 'User, topic or table that is changed.' },
  outcome: { type: 'string', enum: ['begun', 'failed'] },
  'reason?': { type: 'string', maxLength: 512, description: 'Why it failed.' },
});
export const recordedChange = object({ recorded: flag });

/** What the log has of a session, and so can be told of any moment. */
const recordedMembers = {
  tenant: text,
  clientId: text,
  sessionId: count,
  clientName: text,
  level: { type: 'integer', enum: [3, 4, 5] },
  address: text,
  sessionExpiryS: count,
  openedAtMs: timeMs,
  'closedAtMs?': timeMs,
  'closeReason?': { type: 'string', enum: CLOSE_REASONS },
  connected: flag,
};

const sessionMembers = {
  ...recordedMembers,
  subscriptionCount: count,
  queuedMessages: count,
  queuedBytes: count,
};

export const sessionPage = page(object(sessionMembers));

const owner = object({ incarnation: text, connection: count });
const will = object({ topic: text, qos, retain: flag, delayS: count });
const subscriptions = list(
  object({
    filter: text,
    qos,
    noLocal: flag,
    retainAsPublished: flag,
    retainHandling: { type: 'integer', enum: [0, 1, 2] },
    'subscriptionId?': count,
  }),
);

export const sessionDetail = object({
  ...sessionMembers,
  'owner?': owner,
  subscriptions,
  'will?': will,
  inFlight: count,
  outboxBytes: count,
});

export const pastSession = object({
  atMs: timeMs,
  ...recordedMembers,
  'owner?': owner,
  'closedOwner?': owner,
  subscriptions,
  'will?': will,
  'willDueAtMs?': timeMs,
  'sentThrough?': count,
  record: object({ partition: count, offset: count, timestampMs: timeMs }),
});

const queueMembers = {
  tenant: text,
  sessionId: count,
  kind: { type: 'string', enum: ['pending', 'held'] },
  'clientId?': text,
  messages: count,
  bytes: count,
  min: count,
  next: count,
};

export const queuePage = page(object(queueMembers));

export const queueDetail = object({
  ...queueMembers,
  quota: object({
    messagesMax: count,
    bytesMax: count,
    policy: { type: 'string', enum: ['reject', 'drop-oldest', 'drop-newest'] },
  }),
  head: list(
    object({
      seq: count,
      topic: text,
      qos,
      payloadBytes: count,
      publishedAtMs: timeMs,
      'expiresAtMs?': timeMs,
    }),
  ),
});

export const kicked = object({ kicked: flag, discarded: flag });
export const purged = object({ messages: count });

export const oneTenant = object({ tenant });

const settings = {
  'limits?': {
    type: 'object',
    additionalProperties: count,
    description: 'Quotas of its own by their names; all those that are not named are as configured.',
  },
  'chain?': {
    ...list(text),
    description: 'Authenticators that its clients are shown to, in order; empty: as configured.',
  },
};
export const tenantSettings = object(settings);
export const newTenant = object({ tenant, ...settings });

export const tenantSummary = object({
  tenant: text,
  state: { type: 'string', enum: TENANT_STATES },
  configured: { ...flag, description: 'It is in the configuration of the broker that was asked.' },
  limits: { type: 'object', additionalProperties: count },
  'chain?': list(text),
  'createdAtMs?': timeMs,
  'changedAtMs?': timeMs,
  connections: { ...count, description: 'To the broker that was asked.' },
  sessions: count,
  subscriptions: count,
  retainedMessages: count,
});
export const tenantList = object({ items: list(tenantSummary) });

export const members = object({
  clustered: { ...flag, description: 'Whether it shares its event log with other brokers.' },
  members: list(
    object({
      brokerId: text,
      incarnation: text,
      self: { ...flag, description: 'It is the broker that was asked.' },
      state: { type: 'string', enum: MEMBER_STATES },
      draining: flag,
      sinceMs: { ...timeMs, description: 'In that state since, milliseconds since 1970.' },
      joinedAtMs: timeMs,
      peerAddress: { ...text, description: 'For other brokers.' },
      'serverReference?': { ...text, description: 'For clients, if it says so.' },
      'linkUp?': {
        ...flag,
        description: 'Whether the link to it is up; absent for itself and for those down.',
      },
    }),
  ),
});

export const drainRequest = object({
  'ratePerS?': {
    type: 'integer',
    minimum: 1,
    maximum: 100_000,
    default: 100,
    description: 'Clients asked to leave per second.',
  },
  'noticeMs?': {
    type: 'integer',
    minimum: 0,
    maximum: 600_000,
    default: 3_000,
    description: 'How long everybody is still served, so that load balancers notice.',
  },
  'serverReference?': {
    type: 'string',
    minLength: 1,
    maxLength: 512,
    description: 'Where MQTT 5 clients are told to go; otherwise to one of the other brokers.',
  },
  'moved?': { ...flag, default: false, description: 'For good (0x9D), not for now (0x9C).' },
  'shutdown?': { ...flag, default: false, description: 'Stop the process when nobody is connected.' },
  'force?': { ...flag, default: false, description: 'Also when no other broker takes clients.' },
});

export const drainStatus = object({
  phase: { type: 'string', enum: DRAIN_PHASES },
  connected: count,
  'ratePerS?': count,
  'shutdown?': flag,
  'moved?': { ...count, description: 'Clients asked to leave so far.' },
  'startedAtMs?': timeMs,
});

export const event = object({
  partition: count,
  offset: count,
  timestampMs: timeMs,
  event: text,
  tenant: text,
  clientId: text,
  detail: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
  cursor: { type: 'string', description: 'As `since` it goes on behind this event.' },
});

export const auditEntry = object({
  kind: { type: 'string', enum: AUDIT_KINDS },
  atMs: { ...timeMs, description: 'For the last time, milliseconds since 1970.' },
  sinceMs: { ...timeMs, description: 'For the first time, milliseconds since 1970.' },
  count: { ...count, description: 'How often in between.' },
  brokerId: text,
  'tenant?': text,
  'who?': { ...text, description: 'Name of the token; `command` or `signal`.' },
  'agent?': { ...text, description: 'What the program that asked says of itself.' },
  'address?': text,
  'action?': { type: 'string', enum: ADMIN_ACTIONS },
  'target?': text,
  'outcome?': { type: 'string', enum: ['begun', 'failed', 'refused'] },
  'reason?': text,
  'clientName?': text,
  'clientId?': text,
  'method?': text,
  'by?': { type: 'string', enum: ['user', 'address'] },
  'forMs?': count,
  'quota?': text,
  'limit?': count,
  'of?': { type: 'string', enum: AUDIT_KINDS },
  cursor: { type: 'string', description: 'As `since` it goes on behind this entry.' },
});

export const status = object({
  version: text,
  brokerId: text,
  'incarnation?': text,
  startedAtMs: timeMs,
  ready: flag,
  reasons: list({ type: 'string', description: 'Why it is not ready.' }),
  startup: list(
    object({
      phase: { type: 'string', enum: STARTUP_PHASES },
      ms: { ...count, description: 'What it took, or has taken so far.' },
      'count?': { ...count, description: 'Rows, records, sessions or queues.' },
      done: flag,
    }),
  ),
  listeners: list(object({ transport: text, host: text, port: count, 'path?': text })),
  tenants: list(
    object({
      tenant: text,
      connections: count,
      sessions: count,
      subscriptions: count,
      retainedMessages: count,
    }),
  ),
});

export const readiness = object({ ready: flag, reasons: list(text) });
