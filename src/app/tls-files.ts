/** Reads the files of TLS towards a server, and says which key of the configuration names one that cannot be read. */
import { readFileSync } from 'node:fs';

/** Paths; empty: none. */
export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** `section`: such as `auth.mysql.tls`. Throws an `Error` that names the key and the file. */
export function readTlsFiles(section: string, { caFile, certFile, keyFile }: TlsFiles): TlsMaterial {
  const read = (key: string, file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new Error(`${section}.${key}: ${file} cannot be read`, { cause });
    }
  };
  return {
    ...(caFile === '' ? {} : { ca: read('caFile', caFile) }),
    ...(certFile === '' ? {} : { cert: read('certFile', certFile) }),
    ...(keyFile === '' ? {} : { key: read('keyFile', keyFile) }),
  };
}
