/** Whom a webhook knows, as an authenticator. The broker starts without it, and refuses its logins as long as it is away. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Webhook } from '../adapters/webhook/webhook.ts';
import type { ChainAuthenticator } from '../auth/authenticator-chain.ts';
import { WebhookAuthenticator, type WebhookAuthenticatorOptions } from '../auth/webhook-authenticator.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { TenantUser } from '../tenancy/identity.ts';
import type { Clock } from '../time/clock.ts';
import { readTlsFiles } from './tls-files.ts';
import type { WebhookConfig } from './webhook-schema.ts';

export interface WebhookUsers {
  readonly authenticator: ChainAuthenticator;
  /** They were changed: they are asked about again. */
  forget(users: readonly TenantUser[]): void;
  readonly gauges: readonly GaugeSource[];
  close(): void;
}

const KEY_BYTES = 32;

/** Throws an `Error` when a file that the configuration names cannot be used. */
export function openWebhookUsers(
  config: WebhookConfig,
  hashInVain: WebhookAuthenticatorOptions['hashInVain'],
  clock: Clock,
): WebhookUsers {
  const webhook = new Webhook({
    ...config,
    headers: headersOf(config),
    tls: readTlsFiles('auth.http.tls', config.tls),
  });
  const authenticator = new WebhookAuthenticator({
    ...config,
    ask: webhook.ask,
    hashInVain,
    clock,
    cacheKey: randomBytes(KEY_BYTES),
  });
  return {
    authenticator,
    forget: (users) => {
      authenticator.forget(users);
    },
    gauges: gauges(webhook, authenticator),
    close: () => {
      webhook.close();
    },
  };
}

function headersOf({ authorization, headersFile }: WebhookConfig): Readonly<Record<string, string>> {
  const headers = headersFile === '' ? {} : headersOfFile(headersFile);
  return authorization === '' ? headers : { ...headers, authorization };
}

/** Lines of `name: value`; empty ones and those that begin with `#` say nothing. What is wrong is said without the value. */
function headersOfFile(file: string): Record<string, string> {
  const headers: Record<string, string> = {};
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`auth.http.headersFile: ${file} cannot be read`, { cause });
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name = '', value = ''] = /^([^:\s]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (!isHeader(name, value))
      throw new Error(`auth.http.headersFile: line ${index + 1} of ${file} is no header, "name: value"`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}

function gauges(webhook: Webhook, authenticator: WebhookAuthenticator): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_http_auth_requests_total',
      help: 'Logins that the webhook was asked about.',
      type: 'counter',
      read: () => webhook.requests,
    },
    {
      name: 'spoke_http_auth_failures_total',
      help: 'Logins refused because the webhook did not answer, not in time, or nothing that can be understood.',
      type: 'counter',
      read: () => webhook.failures,
    },
    {
      name: 'spoke_http_auth_waiting',
      help: 'Logins that wait to be asked about.',
      type: 'gauge',
      read: () => webhook.waiting,
    },
    {
      name: 'spoke_http_auth_remembered_answers_total',
      help: 'Logins that an answer to an earlier one was good for.',
      type: 'counter',
      read: () => authenticator.hits,
    },
    {
      name: 'spoke_http_auth_remembered',
      help: 'Answers of the webhook remembered.',
      type: 'gauge',
      read: () => authenticator.remembered,
    },
  ];
}
