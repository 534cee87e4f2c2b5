/**
 * HAProxy's configuration: fronts on 127.0.0.1, each before one listener of a broker on 127.0.0.1. The time-outs are
 * those of MQTT (an hour of silence is nothing special); the rest is for tests.
 */

/** PROXY protocol towards the broker. */
export type ProxyHeaderVersion = 'v1' | 'v2' | 'none';

export interface Front {
  /** In HAProxy's log and configuration: letters, digits, hyphens. */
  readonly name: string;
  /** Where clients connect. */
  readonly port: number;
  readonly brokerPort: number;
  readonly header: ProxyHeaderVersion;
  /** http: HAProxy reads the upgrade request and adds X-Forwarded-For. Default tcp. */
  readonly mode?: 'tcp' | 'http';
  /** TLS ends here. Absent: it goes through, or there is none. */
  readonly tls?: FrontTls;
}

export interface FrontTls {
  /** PEM: certificate and key in one. */
  readonly certificateFile: string;
  /** PEM: whom client certificates, which are optional, must come from. */
  readonly clientAuthorityFile?: string;
}

const SEND: Readonly<Record<ProxyHeaderVersion, string>> = {
  v1: ' send-proxy',
  v2: ' send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl,cert-cn,ssl-cipher',
  none: '',
};

/** Answers 200 there once HAProxy serves. */
export const HEALTH_PATH = '/ready';

export function renderConfig(fronts: readonly Front[], healthPort: number): string {
  return `global
  maxconn 2000

defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-request 10s
  timeout tunnel 1h

frontend health
  mode http
  bind 127.0.0.1:${healthPort}
  monitor-uri ${HEALTH_PATH}
${fronts.map(renderFront).join('')}`;
}

function renderFront({ name, port, brokerPort, header, mode = 'tcp', tls }: Front): string {
  return `
listen ${name}
  mode ${mode}
  bind 127.0.0.1:${port}${tls === undefined ? '' : renderTls(tls)}
  unique-id-format %ci:%cp-%Ts
${mode === 'http' ? '  option forwardfor\n' : ''}  server broker 127.0.0.1:${brokerPort} check inter 1s${SEND[header]}
`;
}

function renderTls({ certificateFile, clientAuthorityFile }: FrontTls): string {
  const verify = clientAuthorityFile === undefined ? '' : ` ca-file ${clientAuthorityFile} verify optional`;
  return ` ssl crt ${certificateFile}${verify}`;
}
