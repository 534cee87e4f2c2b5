/**
 * The admin port of a broker that is still starting: tells how it is, and refuses everything else until the real port is there.
 */
import type { AdminPort } from './admin-port.ts';
import { ApiError } from './api-error.ts';

/** What can be asked from the beginning. */
export type EarlyPort = Pick<AdminPort, 'status' | 'readiness' | 'metrics'>;

export class LateAdminPort implements AdminPort {
  readonly #early: EarlyPort;
  #port: AdminPort | undefined;

  constructor(early: EarlyPort) {
    this.#early = early;
  }

  /** From now on this one answers. */
  become(port: AdminPort): void {
    this.#port = port;
  }

  readonly status: AdminPort['status'] = () => (this.#port ?? this.#early).status();
  readonly readiness: AdminPort['readiness'] = () => (this.#port ?? this.#early).readiness();
  readonly metrics: AdminPort['metrics'] = () => (this.#port ?? this.#early).metrics();

  readonly members: AdminPort['members'] = () => this.#ready.members();
  readonly listSessions: AdminPort['listSessions'] = (query) => this.#ready.listSessions(query);
  readonly showSession: AdminPort['showSession'] = (tenant, clientId) =>
    this.#ready.showSession(tenant, clientId);
  readonly showSessionAt: AdminPort['showSessionAt'] = (tenant, clientId, atMs, signal) =>
    this.#ready.showSessionAt(tenant, clientId, atMs, signal);
  readonly kickSession: AdminPort['kickSession'] = (tenant, clientId, discard) =>
    this.#ready.kickSession(tenant, clientId, discard);
  readonly beginDrain: AdminPort['beginDrain'] = (request) => this.#ready.beginDrain(request);
  readonly drainStatus: AdminPort['drainStatus'] = () => this.#ready.drainStatus();
  readonly cancelDrain: AdminPort['cancelDrain'] = () => this.#ready.cancelDrain();
  readonly listQueues: AdminPort['listQueues'] = (query) => this.#ready.listQueues(query);
  readonly showQueue: AdminPort['showQueue'] = (tenant, clientId) => this.#ready.showQueue(tenant, clientId);
  readonly purgeQueue: AdminPort['purgeQueue'] = (tenant, clientId) =>
    this.#ready.purgeQueue(tenant, clientId);
  readonly tailEvents: AdminPort['tailEvents'] = (query, signal) => this.#ready.tailEvents(query, signal);
  readonly isEventCursor: AdminPort['isEventCursor'] = (cursor) => this.#ready.isEventCursor(cursor);
  readonly checkEventTime: AdminPort['checkEventTime'] = (timeMs) => {
    this.#ready.checkEventTime(timeMs);
  };

  readonly recordChange: AdminPort['recordChange'] = async (change) => this.#ready.recordChange(change);
  /** Before there is a trail nobody can be told; the request is refused all the same. */
  readonly noteRefusal: AdminPort['noteRefusal'] = (note) => this.#port?.noteRefusal(note);
  readonly tailAudit: AdminPort['tailAudit'] = (query, signal) => this.#ready.tailAudit(query, signal);
  readonly isAuditCursor: AdminPort['isAuditCursor'] = (cursor) => this.#ready.isAuditCursor(cursor);

  get tenants(): AdminPort['tenants'] {
    return this.#ready.tenants;
  }

  /** Throws an `ApiError` before there is one. */
  get #ready(): AdminPort {
    if (this.#port !== undefined) return this.#port;
    const { reasons } = this.#early.readiness();
    throw new ApiError(
      'STARTING',
      `the broker is starting: ${reasons.join('; ')}`,
      'Wait until /health/ready answers 200; "spoke status" shows how far it is',
    );
  }
}
