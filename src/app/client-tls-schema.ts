/** The configuration keys of TLS towards a server that the broker connects to, the same for each of them. */
import { z } from 'zod';

const text = (description: string) => z.string().default('').describe(description);

/** Files, and what a certificate has to name. */
export const tlsFiles = {
  caFile: text('Authorities that its certificate is checked against, PEM; empty: those of the platform.'),
  certFile: text('Certificate chain that it knows us by, PEM; empty: none.'),
  keyFile: text('Private key of that certificate, PEM.'),
};

export const clientTls = z.strictObject({
  enabled: z.boolean().default(false).describe('Connects to it with TLS, or not at all.'),
  ...tlsFiles,
  serverName: text('Name that its certificate has to carry; empty: the host that is connected to.'),
});

export type ClientTls = z.output<typeof clientTls>;
