/** Turns configured listeners into what transport opens: reads the TLS files they name. */
import { readFile } from 'node:fs/promises';
import { AddressRanges, parseAddressRange } from '../transport/address-ranges.ts';
import type { CertificateNameRule } from '../transport/certificate-name.ts';
import type { ListenerOptions } from '../transport/listener.ts';
import type { TlsOptions } from '../transport/tls-handshake.ts';
import type { ListenerConfig } from './config-schema.ts';

export type TlsConfig = Extract<ListenerConfig, { readonly tls: unknown }>['tls'];

/** Rejects with an error that names the key and the file when one cannot be read. */
export function listenerOptions(listeners: readonly ListenerConfig[]): Promise<ListenerOptions[]> {
  return Promise.all(
    listeners.map(async (listener, index) => {
      const { transport, host, port, tcpKeepAliveS, noDelay, proxyProtocol } = listener;
      const { forwardedFor, origins = [] } = 'origins' in listener ? listener : {};
      return {
        transport,
        host,
        port,
        tcpKeepAliveMs: tcpKeepAliveS * 1000,
        noDelay,
        ...('path' in listener ? { path: listener.path } : {}),
        ...('tls' in listener ? { tls: await tlsOptions(listener.tls, index) } : {}),
        ...(proxyProtocol && {
          proxyProtocol: {
            trusted: rangesOf(proxyProtocol.trusted),
            certificateUse: proxyProtocol.clientUser,
          },
        }),
        ...(forwardedFor && { forwardedFor: rangesOf(forwardedFor.trusted) }),
        ...(origins.length > 0 && { origins: new Set(origins) }),
      };
    }),
  );
}

function rangesOf(texts: readonly string[]): AddressRanges {
  return new AddressRanges(texts.flatMap((text) => parseAddressRange(text) ?? []));
}

/** `index`: of the listener. Rejects as `listenerOptions` does. */
export async function tlsOptions(tls: TlsConfig, index: number): Promise<TlsOptions> {
  const read = (key: string, file: string): Promise<Buffer> =>
    readFile(file).catch((cause: unknown) => {
      throw new Error(`listeners[${index}].tls.${key}: ${file} cannot be read`, { cause });
    });
  const pair = async (prefix: string, { certFile, keyFile }: Pick<TlsConfig, 'certFile' | 'keyFile'>) => ({
    certificate: await read(`${prefix}certFile`, certFile),
    key: await read(`${prefix}keyFile`, keyFile),
  });
  return {
    ...(await pair('', tls)),
    furtherCertificates: await Promise.all(
      tls.certificates.map((further, place) => pair(`certificates[${place}].`, further)),
    ),
    ...(tls.caFile === undefined ? {} : { certificateAuthority: await read('caFile', tls.caFile) }),
    minVersion: tls.minVersion,
    requestClientCertificate: tls.clientCertificates !== 'none',
    rejectUnauthorized: tls.clientCertificates === 'required',
    certificateName: certificateNameRule(tls),
    certificateUse: tls.clientUser,
  };
}

function certificateNameRule({ clientName, clientTenant }: TlsConfig): CertificateNameRule {
  return { field: clientName, ...(clientTenant !== undefined && { tenant: clientTenant }) };
}

/** Everything that is read for TLS. */
export function tlsFiles({ certFile, keyFile, caFile, certificates }: TlsConfig): readonly string[] {
  const further = certificates.flatMap((pair) => [pair.certFile, pair.keyFile]);
  return [certFile, keyFile, ...(caFile === undefined ? [] : [caFile]), ...further];
}
