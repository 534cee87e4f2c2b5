/**
 * A drain as an operator asks for it: first this broker says that it is not ready, then the other brokers are told, then its clients are
 * asked to leave, and at the end, if that is wanted, the process stops.
 */
import type { DrainRequest, DrainStatus } from '../admin/admin-port.ts';
import { ApiError } from '../admin/api-error.ts';
import type { Drain } from '../broker/drain.ts';
import type { Member } from '../cluster/member.ts';
import type { Membership } from '../cluster/membership.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import { REASON } from '../mqtt/reason-code.ts';
import type { Logger } from './logging.ts';

type Brokers = Pick<Membership, 'self' | 'members' | 'drain'>;

export interface BrokerDrainOptions {
  readonly drain: Drain;
  /** undefined: other brokers, if there are any, are not known. */
  readonly membership: Brokers | undefined;
  readonly logger: Logger;
  /** The process is to stop as on SIGTERM. */
  readonly stopProcess: (reason: string) => void;
}

export class BrokerDrain {
  readonly #options: BrokerDrainOptions;
  #request: DrainRequest | undefined;
  #moved = 0;
  /** Others take turns. */
  #turn = 0;

  constructor(options: BrokerDrainOptions) {
    this.#options = options;
  }

  get status(): DrainStatus {
    const { drain } = this.#options;
    if (this.#request === undefined) return { phase: 'serving', connected: drain.connected };
    const { ratePerS, shutdown } = this.#request;
    const begun = drain.progress ?? { phase: 'notice', startedAtMs: undefined, moved: 0 };
    const { phase, startedAtMs, moved } = begun;
    return { phase, startedAtMs, ratePerS, shutdown, moved, connected: drain.connected };
  }

  /** Why no client should be sent here; none: it may. */
  get reasons(): readonly string[] {
    if (this.#request === undefined) return [];
    return [`draining, ${this.#options.drain.connected.toLocaleString('en')} clients left`];
  }

  readonly gauges: readonly GaugeSource[] = [
    {
      name: 'spoke_draining',
      help: '1 while this broker gives its clients away.',
      type: 'gauge',
      read: () => (this.#request === undefined ? 0 : 1),
    },
    {
      name: 'spoke_clients_moved_total',
      help: 'Clients that were asked to go to another broker.',
      type: 'counter',
      read: () => this.#moved + (this.#options.drain.progress?.moved ?? 0),
    },
  ];

  /** Begins, or goes on as `request` says now. Rejects with an `ApiError` where clients would have nowhere to go. */
  async begin(request: DrainRequest): Promise<DrainStatus> {
    const { drain, membership, logger } = this.#options;
    if (!request.force) this.#requireSomewhere(request);
    const isFirst = this.#request === undefined;
    // From here on the broker is not ready.
    this.#request = request;
    logger.info({ ...request }, 'draining');
    if (isFirst && membership !== undefined) await this.#tell(membership, true);
    // Somebody may have thought better of it meanwhile.
    if (this.#request !== request) return this.status;
    const { ratePerS, noticeMs, moved } = request;
    drain.begin({
      ratePerS,
      noticeMs,
      redirection: () => ({
        reasonCode: moved ? REASON.serverMoved : REASON.useAnotherServer,
        serverReference: request.serverReference ?? this.#nextReference(),
      }),
      onEmpty: () => {
        logger.info('drained: nobody is connected');
        if (request.shutdown) this.#options.stopProcess('drained');
      },
    });
    return this.status;
  }

  /** Who is there stays, and clients are taken in again. */
  async cancel(): Promise<DrainStatus> {
    const { drain, membership, logger } = this.#options;
    if (this.#request === undefined) return this.status;
    this.#request = undefined;
    this.#moved += drain.progress?.moved ?? 0;
    drain.stop();
    logger.info('not draining any more');
    if (membership !== undefined) await this.#tell(membership, false);
    return this.status;
  }

  /** For the end of the process: nobody is asked to leave any more. */
  stop(): void {
    this.#options.drain.stop();
  }

  #requireSomewhere({ serverReference }: DrainRequest): void {
    const { membership } = this.#options;
    if (membership === undefined || serverReference !== undefined || servingOthers(membership).length > 0)
      return;
    throw new ApiError(
      'LAST_BROKER',
      'no other broker takes clients: they would be refused everywhere',
      'Start another one, name a server with serverReference, or insist with force',
    );
  }

  /** Whoever cannot be told finds out: this broker refuses. */
  async #tell(membership: Brokers, isDraining: boolean): Promise<void> {
    await membership.drain(isDraining).catch((err: unknown) => {
      this.#options.logger.warn({ err, isDraining }, 'other brokers could not be told of the drain');
    });
  }

  #nextReference(): string | undefined {
    const { membership } = this.#options;
    const others = membership === undefined ? [] : servingOthers(membership);
    const references = others.flatMap(({ serverReference }) => serverReference ?? []);
    return references[this.#turn++ % references.length];
  }
}

function servingOthers(membership: Brokers): readonly Member[] {
  const own = membership.self.incarnation;
  return membership.members().filter(({ incarnation, draining }) => incarnation !== own && !draining);
}
