/**
 * The Avro schemas of every released version, as the codecs need them: names and types. The files in
 * `schemas/` are the published form, with the meaning of each field; a test holds the two equal.
 */
import type { Schema } from 'avsc';
import { CLOSE_REASONS } from '../session/events.ts';
import { TENANT_STATES } from '../tenancy/tenant.ts';

export interface RegisteredSchema {
  /** Id in the wire format, see `schemas/ids.json`; never given twice. */
  readonly id: number;
  readonly schema: Schema;
}

const OPTIONAL_LONG: Schema = ['null', 'long'];
const OPTIONAL_STRING: Schema = ['null', 'string'];

export const SESSION_STATE_V1: RegisteredSchema = {
  id: 1,
  schema: {
    type: 'record',
    name: 'SessionState',
    namespace: 'spokemq',
    fields: [
      { name: 'tenant', type: 'string' },
      { name: 'clientId', type: 'string' },
      { name: 'sessionId', type: 'long' },
      { name: 'clientName', type: 'string' },
      { name: 'level', type: 'int' },
      {
        name: 'owner',
        type: [
          'null',
          {
            type: 'record',
            name: 'SessionOwner',
            fields: [
              { name: 'incarnation', type: 'string' },
              { name: 'connection', type: 'long' },
            ],
          },
        ],
      },
      { name: 'sessionExpiryS', type: 'long' },
      {
        name: 'will',
        type: [
          'null',
          {
            type: 'record',
            name: 'Will',
            fields: [
              { name: 'topic', type: 'string' },
              { name: 'payload', type: 'bytes' },
              { name: 'qos', type: 'int' },
              { name: 'retain', type: 'boolean' },
              { name: 'delayS', type: 'long' },
              { name: 'messageExpiryS', type: OPTIONAL_LONG },
              { name: 'properties', type: 'bytes' },
            ],
          },
        ],
      },
      { name: 'willDueAtMs', type: OPTIONAL_LONG },
      { name: 'address', type: 'string' },
      { name: 'openedAtMs', type: 'long' },
      { name: 'closedAtMs', type: OPTIONAL_LONG },
      {
        name: 'closeReason',
        type: ['null', { type: 'enum', name: 'CloseReason', symbols: [...CLOSE_REASONS] }],
      },
      { name: 'closedOwner', type: ['null', 'SessionOwner'] },
      { name: 'sentThrough', type: OPTIONAL_LONG },
    ],
  },
};

export const SUBSCRIPTION_V1: RegisteredSchema = {
  id: 2,
  schema: {
    type: 'record',
    name: 'Subscription',
    namespace: 'spokemq',
    fields: [
      { name: 'tenant', type: 'string' },
      { name: 'clientId', type: 'string' },
      { name: 'sessionId', type: 'long' },
      { name: 'filter', type: 'string' },
      { name: 'qos', type: 'int' },
      { name: 'noLocal', type: 'boolean' },
      { name: 'retainAsPublished', type: 'boolean' },
      { name: 'retainHandling', type: 'int' },
      { name: 'subscriptionId', type: ['null', 'int'] },
    ],
  },
};

export const RETAINED_MESSAGE_V1: RegisteredSchema = {
  id: 3,
  schema: {
    type: 'record',
    name: 'RetainedMessage',
    namespace: 'spokemq',
    fields: [
      { name: 'tenant', type: 'string' },
      { name: 'topic', type: 'string' },
      { name: 'payload', type: 'bytes' },
      { name: 'qos', type: 'int' },
      { name: 'properties', type: 'bytes' },
      { name: 'publishedAtMs', type: 'long' },
      { name: 'expiresAtMs', type: OPTIONAL_LONG },
      { name: 'publisher', type: 'string' },
    ],
  },
};

export const TENANT_V1: RegisteredSchema = {
  id: 4,
  schema: {
    type: 'record',
    name: 'Tenant',
    namespace: 'spokemq',
    fields: [
      { name: 'tenant', type: 'string' },
      { name: 'state', type: { type: 'enum', name: 'TenantState', symbols: [...TENANT_STATES] } },
      { name: 'limits', type: { type: 'map', values: 'long' } },
      { name: 'chain', type: ['null', { type: 'array', items: 'string' }] },
      { name: 'createdAtMs', type: 'long' },
      { name: 'changedAtMs', type: 'long' },
    ],
  },
};

export const AUDIT_EVENT_V1: RegisteredSchema = {
  id: 5,
  schema: {
    type: 'record',
    name: 'AuditEvent',
    namespace: 'spokemq',
    fields: [
      { name: 'kind', type: 'string' },
      { name: 'atMs', type: 'long' },
      { name: 'sinceMs', type: 'long' },
      { name: 'count', type: 'long' },
      { name: 'brokerId', type: 'string' },
      { name: 'tenant', type: OPTIONAL_STRING },
      { name: 'who', type: OPTIONAL_STRING },
      { name: 'agent', type: OPTIONAL_STRING },
      { name: 'address', type: OPTIONAL_STRING },
      { name: 'action', type: OPTIONAL_STRING },
      { name: 'target', type: OPTIONAL_STRING },
      { name: 'outcome', type: OPTIONAL_STRING },
      { name: 'reason', type: OPTIONAL_STRING },
      { name: 'clientName', type: OPTIONAL_STRING },
      { name: 'clientId', type: OPTIONAL_STRING },
      { name: 'method', type: OPTIONAL_STRING },
      { name: 'lockedBy', type: OPTIONAL_STRING },
      { name: 'lockedForMs', type: OPTIONAL_LONG },
      { name: 'quota', type: OPTIONAL_STRING },
      { name: 'limit', type: OPTIONAL_LONG },
      { name: 'furtherOf', type: OPTIONAL_STRING },
    ],
  },
};
