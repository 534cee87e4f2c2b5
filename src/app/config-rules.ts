/** Rules that no single key can state: what may be reachable from beyond this machine, and what excludes what. */
import type { Problem, ValuePath } from '../adapters/file/yaml-document.ts';
import { isLoopback } from '../admin/loopback.ts';
import { parseAddressRange } from '../transport/address-ranges.ts';
import { usedLinks } from './auth-chains.ts';
import { authRules } from './auth-rules.ts';
import { bridgeViolations } from './bridge-rules.ts';
import { clusterRules } from './cluster-rules.ts';
import type { SpokeConfig } from './config-schema.ts';
import { kafkaRules } from './kafka-rules.ts';

export interface RuleViolation extends Omit<Problem, 'where' | 'key'> {
  readonly path: ValuePath;
}

export function ruleViolations(config: SpokeConfig): readonly RuleViolation[] {
  return [
    ...insecureListeners(config),
    ...insecureAdmin(config),
    ...adminTokenNames(config),
    ...missingAuthorities(config),
    ...unservedTenants(config),
    ...unservedChains(config),
    ...authRules(config),
    ...certificatesOfAnybody(config),
    ...bridgeViolations(config),
    ...(config.queues.store === 'hbase' ? [...hbaseTimeouts(config), ...hbaseTimeToLive(config)] : []),
    ...(config.eventLog.store === 'kafka'
      ? [...kafkaRules(config), ...clusterRules(config)]
      : metadataElsewhere(config)),
  ];
}

function insecureListeners(config: SpokeConfig): readonly RuleViolation[] {
  const { mode } = config.auth;
  const isOpen = mode === 'anonymous' || (mode === 'chain' && usedLinks(config).has('anonymous'));
  if (!isOpen || config.allowInsecureRemote) return [];
  const setting =
    mode === 'anonymous' ? 'auth.mode "anonymous" lets everybody' : 'a chain of auth lets anybody';
  return config.listeners.flatMap((listener, index) =>
    isLoopback(listener.host)
      ? []
      : [
          {
            path: ['listeners', index, 'host'],
            what: `${listener.host} is reachable from other machines, and ${setting} in`,
            fix: 'Set auth.mode to "file" and run "spoke user add NAME", or listen on 127.0.0.1, or set allowInsecureRemote to true',
          },
        ],
  );
}

function insecureAdmin(config: SpokeConfig): readonly RuleViolation[] {
  if (!config.admin.enabled || isLoopback(config.admin.host) || config.allowInsecureRemote) return [];
  return [
    {
      path: ['admin', 'host'],
      what: `${config.admin.host} is reachable from other machines, and the admin API speaks plain HTTP`,
      fix: 'Use 127.0.0.1 and a tunnel or a proxy with TLS, or set allowInsecureRemote to true',
    },
  ];
}

function adminTokenNames({ admin }: SpokeConfig): readonly RuleViolation[] {
  return admin.tokens.flatMap(({ name }, index, all) =>
    all.findIndex((other) => other.name === name) < index
      ? [
          {
            path: ['admin', 'tokens', index, 'name'],
            what: `${name} is the name of another token`,
            fix: 'Give each a name of its own: it says on the audit trail who it was',
          },
        ]
      : [],
  );
}

function missingAuthorities(config: SpokeConfig): readonly RuleViolation[] {
  return config.listeners.flatMap((listener, index) =>
    'tls' in listener && listener.tls.clientCertificates !== 'none' && listener.tls.caFile === undefined
      ? [
          {
            path: ['listeners', index, 'tls', 'clientCertificates'],
            what: `is "${listener.tls.clientCertificates}", but nothing says which certificates to trust`,
            fix: 'Set caFile to the authority that signed the client certificates',
          },
        ]
      : [],
  );
}

function unservedTenants(config: SpokeConfig): readonly RuleViolation[] {
  return config.listeners.flatMap((listener, index) => {
    const tenant = 'tls' in listener ? listener.tls.clientTenant : undefined;
    if (tenant === undefined || config.tenants.includes(tenant)) return [];
    return [
      {
        path: ['listeners', index, 'tls', 'clientTenant'],
        what: `${tenant} is not one of the tenants that are served`,
        fix: 'Add it to tenants, or name one of those',
      },
    ];
  });
}

function unservedChains(config: SpokeConfig): readonly RuleViolation[] {
  return config.auth.tenantChains.flatMap(({ tenant }, index, all) => {
    const path = ['auth', 'tenantChains', index, 'tenant'];
    if (!config.tenants.includes(tenant))
      return [
        { path, what: `${tenant} is not one of the tenants that are served`, fix: 'Add it to tenants' },
      ];
    const isSecond = all.findIndex((other) => other.tenant === tenant) < index;
    return isSecond ? [{ path, what: `${tenant} has a chain already`, fix: 'Remove one of them' }] : [];
  });
}

/** A proxy that everybody may be could name any user. */
function certificatesOfAnybody(config: SpokeConfig): readonly RuleViolation[] {
  return config.listeners.flatMap(({ proxyProtocol }, index) => {
    if (proxyProtocol === undefined || proxyProtocol.clientUser === 'ignored') return [];
    return proxyProtocol.trusted.flatMap((range, place) =>
      parseAddressRange(range)?.prefixBits === 0
        ? [
            {
              path: ['listeners', index, 'proxyProtocol', 'trusted', place],
              what: `${range} is everybody, and whoever is trusted here may say which user a client is`,
              fix: 'Name the addresses of your proxies, or set clientUser to "ignored"',
            },
          ]
        : [],
    );
  });
}

/** A log in the data directory is this broker's alone: nobody else could fold it. */
function metadataElsewhere({ metadata }: SpokeConfig): readonly RuleViolation[] {
  if (metadata.inBroker) return [];
  return [
    {
      path: ['metadata', 'inBroker'],
      what: 'is false, and the event log is in the data directory, where only the broker can fold it',
      fix: 'Set eventLog.store to "kafka", or metadata.inBroker to true',
    },
  ];
}

function hbaseTimeouts({ hbase, limits }: SpokeConfig): readonly RuleViolation[] {
  const { operationTimeoutMs, attemptTimeoutMs, connectTimeoutMs } = hbase;
  return [
    ...notBelow('operationTimeoutMs', operationTimeoutMs, 'limits.storeTimeoutMs', limits.storeTimeoutMs),
    ...notBelow('attemptTimeoutMs', attemptTimeoutMs, 'hbase.operationTimeoutMs', operationTimeoutMs),
    ...notBelow('connectTimeoutMs', connectTimeoutMs, 'hbase.operationTimeoutMs', operationTimeoutMs),
  ];
}

function notBelow(key: string, valueMs: number, whole: string, wholeMs: number): readonly RuleViolation[] {
  if (valueMs < wholeMs) return [];
  return [
    {
      path: ['hbase', key],
      what: `is ${valueMs}, and ${whole}, which has to cover it, is ${wholeMs}`,
      fix: `Use less than ${wholeMs}, or raise ${whole}`,
    },
  ];
}

/** A message must not go while the session that waits for it may still come back. */
function hbaseTimeToLive({ hbase, limits }: SpokeConfig): readonly RuleViolation[] {
  if (hbase.messageTtlS === 0 || hbase.messageTtlS >= limits.sessionExpiryMaxS) return [];
  return [
    {
      path: ['hbase', 'messageTtlS'],
      what: `is ${hbase.messageTtlS}, and sessions live for up to ${limits.sessionExpiryMaxS} s (limits.sessionExpiryMaxS): messages would be lost before them`,
      fix: `Use at least ${limits.sessionExpiryMaxS}, or 0, or shorten the lives of sessions`,
    },
  ];
}
