/** Turns configured listeners into what transport opens: reads the TLS files they name. */
import { readFile } from 'node:fs/promises';
import type { ListenerOptions } from '../transport/listener.ts';
import type { ListenerConfig } from './config-schema.ts';

type TlsConfig = Extract<ListenerConfig, { readonly tls: unknown }>['tls'];

/** Rejects with an error that names the key and the file when one cannot be read. */
export function listenerOptions(listeners: readonly ListenerConfig[]): Promise<ListenerOptions[]> {
  return Promise.all(
    listeners.map(async (listener, index) => {
      const { transport, host, port } = listener;
      return {
        transport,
        host,
        port,
        ...('path' in listener ? { path: listener.path } : {}),
        ...('tls' in listener ? { tls: await tlsOptions(listener.tls, index) } : {}),
      };
    }),
  );
}

async function tlsOptions(tls: TlsConfig, index: number) {
  const read = (key: 'certFile' | 'keyFile' | 'caFile', file: string): Promise<Buffer> =>
    readFile(file).catch((cause: unknown) => {
      throw new Error(`listeners[${index}].tls.${key}: ${file} cannot be read`, { cause });
    });
  return {
    certificate: await read('certFile', tls.certFile),
    key: await read('keyFile', tls.keyFile),
    ...(tls.caFile === undefined ? {} : { certificateAuthority: await read('caFile', tls.caFile) }),
    requestClientCertificate: tls.clientCertificates !== 'none',
    rejectUnauthorized: tls.clientCertificates === 'required',
  };
}
