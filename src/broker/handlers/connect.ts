/**
 * CONNECT: finds the tenant, authenticates, gives the client its session and answers with CONNACK. Until then
 * nothing else of this connection is read, except AUTH when the client chose enhanced authentication.
 */
import type { AuthResult, Credentials, Principal } from '../../auth/authenticator.ts';
import { fillSafely } from '../../auth/place-holders.ts';
import type { ClientPacket, ConnectPacket } from '../../mqtt/packets.ts';
import { ProtocolViolation, REASON, reasonName, type ReasonCode } from '../../mqtt/reason-code.ts';
import { parseUserName, type ClientId, type TenantId, type TenantUser } from '../../tenancy/identity.ts';
import { isBridgeClientId } from '../../tenancy/system-client.ts';
import type { TimerHandle } from '../../time/clock.ts';
import type { ActiveSession } from '../active-session.ts';
import type { Broker } from '../broker.ts';
import type { ClientLink } from '../client-link.ts';
import { recheckRights } from '../changed-rights.ts';
import { ConnectRefused } from '../connect-refused.ts';
import { connackFits, connackProperties, effectiveKeepAliveS, effectiveSessionExpiryS } from '../connack.ts';
import { isWithinTopicLimits, type BrokerLimits } from '../limits.ts';
import { openSession } from '../open-session.ts';
import { ReAuthentication } from '../re-authentication.ts';
import type { TenantBroker } from '../tenant-broker.ts';
import { withdrawSubscriptions } from '../withdrawn-subscriptions.ts';

interface Authenticated {
  readonly principal: Principal;
  readonly reAuthentication: ReAuthentication | undefined;
  /** Last data of the server in an enhanced exchange, for CONNACK. */
  readonly authenticationData: Buffer | undefined;
}

export class ConnectExchange {
  readonly #broker: Broker;
  readonly #link: ClientLink;
  readonly #packet: ConnectPacket;
  readonly #onConnected: (session: ActiveSession) => void;
  /** Of CONNECT itself. */
  readonly #connectBytes: number;
  #method: string | undefined;
  #nextAuthData: ((data: Buffer | undefined) => void) | undefined;
  #authDeadline: TimerHandle | undefined;
  #over = false;
  /** Who the client is has been settled: what is refused from now on is not a login. */
  #loggedIn = false;

  constructor(
    broker: Broker,
    link: ClientLink,
    packet: ConnectPacket,
    onConnected: (session: ActiveSession) => void,
  ) {
    this.#broker = broker;
    this.#link = link;
    this.#packet = packet;
    this.#connectBytes = link.bytesReceived;
    this.#onConnected = onConnected;
  }

  start(): void {
    const { level, maximumPacketSize, topicAliasMaximum, requestProblemInformation } = this.#packet;
    this.#link.configure({
      level,
      keepAliveS: effectiveKeepAliveS(this.#packet, this.#broker.services.limits),
      maximumPacketSize,
      topicAliasMaximum: Math.min(topicAliasMaximum, this.#broker.services.limits.topicAliasMaximum),
      problemInformation: requestProblemInformation,
    });
    this.#link.pauseReading('handshake');
    this.#run().catch((error: unknown) => {
      if (error instanceof ConnectRefused)
        this.refuse(error.reasonCode, error.message, error.serverReference);
      else {
        this.#broker.services.onStoreError(error);
        this.refuse(REASON.serverUnavailable, 'the session could not be opened now, try again');
      }
      this.#link.close();
    });
  }

  /** Packets before CONNACK: AUTH of an exchange that waits for it, nothing else. */
  onPacket(packet: ClientPacket): void {
    if (packet.type === 'auth' && this.#nextAuthData !== undefined) {
      if (packet.authenticationMethod !== this.#method) {
        throw new ProtocolViolation(REASON.protocolError, 'AUTH: not the authentication method of CONNECT');
      }
      // [MQTT-4.12.0-3] There is nothing to authenticate again before CONNACK.
      if (packet.reasonCode !== REASON.continueAuthentication) {
        throw new ProtocolViolation(REASON.protocolError, 'AUTH: does not continue the exchange');
      }
      this.#link.pauseReading('handshake');
      this.#authDeadline?.cancel();
      const next = this.#nextAuthData;
      this.#nextAuthData = undefined;
      next(packet.authenticationData);
      return;
    }
    throw new ProtocolViolation(REASON.protocolError, `${packet.type.toUpperCase()} before CONNACK`);
  }

  /** Answers with a CONNACK that says why; the caller closes the link. */
  refuse(reasonCode: ReasonCode, detail: string, serverReference?: string): void {
    if (this.#over) return;
    this.#over = true;
    const { clientId, userName } = this.#packet;
    const { address } = this.#link.peer;
    if (!this.#loggedIn) this.#noteRefusedLogin(reasonCode);
    this.#tenantBroker().counters.connectionsRefused++;
    this.#broker.services.log.warn(
      { address, clientId, userName, reason: reasonName(reasonCode), detail },
      'connection refused',
    );
    this.#link.send({
      type: 'connack',
      sessionPresent: false,
      reasonCode,
      properties: { reasonString: detail, ...(serverReference === undefined ? {} : { serverReference }) },
    });
  }

  /** What the client says of itself, never what it would have proven it with. */
  #noteRefusedLogin(reasonCode: ReasonCode): void {
    if (this.#broker.redirection !== undefined) return;
    const { clientId, userName, password, authenticationMethod } = this.#packet;
    const { address, certificateName } = this.#link.peer;
    const user = this.#user(userName);
    const shown =
      password !== undefined ? 'password' : certificateName !== undefined ? 'certificate' : 'none';
    this.#broker.services.audit.note({
      kind: 'refusedLogin',
      tenant: user?.tenant,
      clientName: user?.clientName ?? userName ?? '',
      clientId,
      address,
      method: authenticationMethod ?? shown,
      reason: reasonName(reasonCode),
    });
  }

  /** The connection is gone; what comes back from stores and authenticators has nowhere to go. */
  abandon(): void {
    this.#over = true;
    this.#authDeadline?.cancel();
  }

  /** Asked again after every await: the connection may be gone by then. */
  #isOver(): boolean {
    return this.#over;
  }

  async #run(): Promise<void> {
    this.#checkRedirection();
    const clientId = this.#clientId();
    const credentials = this.#credentials(clientId);
    const { userChanges } = this.#broker;
    const changesHeard = userChanges.heard;
    const { principal, reAuthentication, authenticationData } = await this.#authenticate(credentials);
    if (Buffer.byteLength(principal.clientName) > this.#broker.services.limits.clientIdBytesMax) {
      throw new ConnectRefused(REASON.badUserNameOrPassword, 'the user name is too long');
    }
    const tenantBroker = this.#requireTenant(principal.tenant);
    this.#loggedIn = true;
    // What is announced has to hold however the tenant's limits change meanwhile.
    const { limits } = tenantBroker;
    this.#checkQuota(tenantBroker, clientId, limits);
    this.#checkWill(principal);
    if (this.#isOver()) return;
    const responseInformation = this.#responseInformation(principal, clientId);
    const told = { authenticationData, responseInformation };
    const properties = connackProperties(this.#packet, clientId, limits, told);
    if (!connackFits(this.#packet, properties)) {
      // [MQTT-3.1.2-24], [MQTT-3.2.0-1] A client that cannot be sent its CONNACK can be sent nothing at all.
      throw new ConnectRefused(
        REASON.packetTooLarge,
        'CONNACK exceeds the maximum packet size of the client',
      );
    }
    const opened = await openSession(this.#broker, tenantBroker, {
      link: this.#link,
      packet: this.#packet,
      clientId,
      principal,
      reAuthentication,
      sessionExpiryS: effectiveSessionExpiryS(this.#packet, limits),
      limits,
      isGone: () => this.#over,
    });
    const { session, sessionPresent } = opened;
    if (sessionPresent) await this.#withdrawSubscriptions(session);
    if (this.#isOver()) {
      session.end({ reason: 'connectionLost', publishWill: true, sessionExpiryS: undefined });
      return;
    }
    if (!this.#broker.directory.serves(principal.tenant)) {
      session.end({ reason: 'administrative', publishWill: true, sessionExpiryS: undefined });
      this.#requireTenant(principal.tenant);
    }
    if (!this.#broker.admits(principal)) {
      session.end({ reason: 'administrative', publishWill: false, sessionExpiryS: undefined });
      throw new ConnectRefused(REASON.serverBusy, 'the tenant has another chain by now: log in again');
    }
    if (session.hasEnded) return;
    this.#over = true;
    tenantBroker.counters.connectionsAccepted++;
    this.#link.limitPackets(limits.packetBytesMax);
    // Durable here: SessionOpened with this connection as owner, read back from the log; for a resumed session
    // also everything it had before, and the end of subscriptions that the user may not have any more. [MQTT-3.2.0-1] CONNACK is the first packet to the client.
    this.#link.send({
      type: 'connack',
      sessionPresent,
      reasonCode: REASON.success,
      properties,
    });
    tenantBroker.connected(session);
    session.endWithPrincipal();
    this.#onConnected(session);
    if (principal.verified && userChanges.isSince(principal, changesHeard)) void recheckRights(session);
    await opened.startDelivery();
    this.#link.resumeReading('handshake');
  }

  /** The user may have been changed while nobody was connected to the session. */
  async #withdrawSubscriptions(session: ActiveSession): Promise<void> {
    try {
      await withdrawSubscriptions(session);
    } catch (error) {
      // There was no CONNACK, so there is no will either.
      session.end({ reason: 'storeUnavailable', publishWill: false, sessionExpiryS: undefined });
      throw error;
    }
  }

  #responseInformation({ clientName, tenant }: Principal, clientId: ClientId): string | undefined {
    const { responseInformation = '' } = this.#broker.services;
    if (responseInformation === '') return undefined;
    return fillSafely(responseInformation, { clientId, clientName, tenant });
  }

  /** Before anybody is authenticated: when a whole fleet is sent elsewhere, no password is hashed for it here. */
  #checkRedirection(): void {
    const { redirection } = this.#broker;
    if (redirection === undefined) return;
    const { reasonCode, serverReference } = redirection;
    throw new ConnectRefused(reasonCode, 'this broker takes no connections now', serverReference);
  }

  /** A certificate stands in for a user name that is missing, and for any where it alone is to decide. */
  #credentials(clientId: ClientId): Credentials {
    const { userName, password } = this.#packet;
    const { certificateName, certificateDecides, address } = this.#link.peer;
    const byCertificate =
      certificateName !== undefined &&
      (certificateDecides === true || (userName === undefined && password === undefined));
    const user = this.#user(byCertificate ? certificateName : userName);
    if (user === undefined) throw new ConnectRefused(REASON.badUserNameOrPassword, 'unknown tenant');
    const { level } = this.#packet;
    return {
      ...user,
      clientId,
      password: byCertificate ? undefined : password,
      certificateName,
      isUnwanted: () => this.#over,
      address,
      defaultTenant: this.#broker.services.defaultTenant,
      level,
    };
  }

  #user(name: string | undefined): TenantUser | undefined {
    return parseUserName(name, this.#broker.services.defaultTenant);
  }

  #clientId(): ClientId {
    const { clientId, level, cleanStart } = this.#packet;
    if (Buffer.byteLength(clientId) > this.#broker.services.limits.clientIdBytesMax) {
      throw new ConnectRefused(REASON.clientIdentifierNotValid, 'the client identifier is too long');
    }
    if (isBridgeClientId(clientId)) {
      throw new ConnectRefused(
        REASON.clientIdentifierNotValid,
        'the client identifier is one of the broker’s own',
      );
    }
    if (clientId !== '') return clientId as ClientId;
    // [MQTT-3.1.3-8] An empty identifier needs a clean session on 3.1.1; MQTT 3.1 does not know it at all.
    if (level === 3 || (level === 4 && !cleanStart)) {
      throw new ConnectRefused(REASON.clientIdentifierNotValid, 'a client identifier is required');
    }
    return `auto-${this.#broker.services.randomId()}` as ClientId; // [MQTT-3.1.3-6]
  }

  /** Asked again once the session is open: whoever stops serving a tenant dismisses those that are connected by then. */
  #requireTenant(name: TenantId): TenantBroker {
    const state = this.#broker.directory.get(name)?.state;
    const tenant = this.#broker.tenant(name);
    if (state === undefined || tenant === undefined)
      throw new ConnectRefused(REASON.badUserNameOrPassword, 'unknown tenant');
    if (state !== 'active') throw new ConnectRefused(REASON.banned, `the tenant is ${state}`);
    return tenant;
  }

  /** For counting a refusal: the tenant that was asked for, or else the first. */
  #tenantBroker(): TenantBroker {
    const user = this.#user(this.#packet.userName);
    const [first] = this.#broker.tenants();
    const tenant = (user && this.#broker.tenant(user.tenant)) ?? first;
    if (tenant === undefined) throw new Error('connect: a broker without tenants');
    return tenant;
  }

  async #authenticate(credentials: Credentials): Promise<Authenticated> {
    const method = this.#packet.authenticationMethod;
    if (method === undefined) {
      const result: AuthResult = await this.#broker.services.authenticator.authenticate(credentials);
      if (!result.allowed) throw new ConnectRefused(result.reasonCode, result.detail);
      return { principal: result.principal, reAuthentication: undefined, authenticationData: undefined };
    }
    const authenticator = this.#broker.services.enhancedAuthenticators.find((one) => one.method === method);
    if (authenticator === undefined) {
      throw new ConnectRefused(
        REASON.badAuthenticationMethod,
        `authentication method ${method} is not offered`,
      );
    }
    const exchange = authenticator.begin(credentials);
    this.#method = method;
    for (let data = this.#packet.authenticationData; ; data = await this.#receiveAuth()) {
      const step = await exchange.step(data);
      if (step.outcome === 'refused') throw new ConnectRefused(step.reasonCode, step.detail);
      if (step.outcome === 'allowed') {
        const reAuthentication = new ReAuthentication(method, () => authenticator.begin(credentials));
        return { principal: step.principal, reAuthentication, authenticationData: step.data };
      }
      this.#link.send({
        type: 'auth',
        reasonCode: REASON.continueAuthentication,
        authenticationMethod: method,
        ...(step.data === undefined ? {} : { authenticationData: step.data }),
      });
    }
  }

  /** The keep-alive may be 0 or long: a client that does not go on must not hold its connection for it. */
  #receiveAuth(): Promise<Buffer | undefined> {
    const { timers, limits } = this.#broker.services;
    return new Promise((resolve, reject) => {
      this.#authDeadline = timers.after(limits.connectTimeoutMs, () => {
        reject(new ConnectRefused(REASON.notAuthorized, 'AUTH did not come in time'));
      });
      this.#nextAuthData = resolve;
      this.#link.resumeReading('handshake');
    });
  }

  /** Only of who has proven to be a client of the tenant: strangers must not use up what it has. */
  #checkQuota({ quota }: TenantBroker, clientId: ClientId, { packetBytesMax }: BrokerLimits): void {
    if (quota.connects(clientId) !== undefined)
      throw new ConnectRefused(REASON.connectionRateExceeded, 'too many connections per second');
    if (this.#connectBytes <= packetBytesMax) return;
    quota.exceeded('client.packetBytesMax', clientId);
    throw new ConnectRefused(REASON.packetTooLarge, `CONNECT is longer than ${packetBytesMax} bytes`);
  }

  #checkWill(principal: Principal): void {
    const { will } = this.#packet;
    if (will !== undefined && !isWithinTopicLimits(will.topic, this.#broker.services.limits)) {
      throw new ConnectRefused(REASON.topicNameInvalid, 'the topic of the will is too long or too deep');
    }
    if (will !== undefined && !principal.mayPublish(will.topic, will.qos, will.retain)) {
      throw new ConnectRefused(REASON.notAuthorized, `the will may not be published to ${will.topic}`);
    }
  }
}
