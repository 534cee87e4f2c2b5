/** The tenants of a broker process: follows the log of tenants, changes them, and sees to those that are to go. */
import type { Broker } from '../broker/broker.ts';
import { TenantChanges } from '../broker/tenant-changes.ts';
import { TenantRemoval } from '../broker/tenant-removal.ts';
import type { Clock } from '../time/clock.ts';
import type { Authentication } from './authentication.ts';
import type { BrokerStores } from './broker-stores.ts';

export interface BrokerTenants {
  readonly changes: TenantChanges;
  /** Once the broker is among its peers and may act. */
  startRemoving(): void;
  stop(): Promise<void>;
}

/** Resolves when every change on record is applied. */
export async function openTenants(
  broker: Broker,
  stores: Pick<BrokerStores, 'tenants' | 'sessionIds'>,
  authentication: Pick<Authentication, 'removeUsers'>,
  clock: Clock,
): Promise<BrokerTenants> {
  const { tenants: log, sessionIds } = stores;
  const follower = await log.follow(await log.startOffsets(), (entries) => {
    for (const entry of entries) broker.applyTenantRecord(entry);
  });
  const changes = new TenantChanges({ directory: broker.directory, log, clock });
  const removeUsers: Authentication['removeUsers'] = (tenant) => authentication.removeUsers(tenant);
  const removal = new TenantRemoval({ broker, changes, sessionIds, removeUsers });
  return {
    changes,
    startRemoving: () => {
      removal.start();
    },
    stop: async () => {
      await removal.stop();
      await follower.stop();
    },
  };
}
