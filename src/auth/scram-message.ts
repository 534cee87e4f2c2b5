/**
 * The two messages of a SCRAM client, read strictly (RFC 5802, section 7):
 *
 *   client-first => ("n" | "y" | "p=" name) "," ["a=" authzid] "," "n=" user "," "r=" nonce {"," extension}
 *   client-final => "c=" base64 "," "r=" nonce {"," extension} "," "p=" base64
 */

export interface ClientFirst {
  /** With its last comma: what the client-final message has to repeat. */
  readonly gs2Header: string;
  /** Everything behind it. */
  readonly bare: string;
  readonly bindsChannel: boolean;
  /** undefined: acts as the user it logs in as. */
  readonly actsAs: string | undefined;
  readonly userName: string;
  readonly nonce: string;
}

export interface ClientFinal {
  readonly withoutProof: string;
  readonly channelBinding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
}

const CLIENT_FIRST =
  /^((?:[ny]|(p)=[A-Za-z0-9.-]+),(?:a=([^,]+))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]+)*)$/;
const CLIENT_FINAL =
  /^(c=([A-Za-z0-9+/]+={0,2}),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]+)*),p=([A-Za-z0-9+/]+={0,2})$/;

/** undefined: is no such message; one with an extension that has to be understood (`m=`) is none either. */
export function parseClientFirst(text: string): ClientFirst | undefined {
  const [, gs2Header, binding, actsAsText, bare, nameText, nonce] = CLIENT_FIRST.exec(text) ?? [];
  if (gs2Header === undefined || bare === undefined || nameText === undefined || nonce === undefined)
    return undefined;
  const userName = unescaped(nameText);
  const actsAs = actsAsText === undefined ? undefined : unescaped(actsAsText);
  if (userName === undefined || (actsAsText !== undefined && actsAs === undefined)) return undefined;
  return { gs2Header, bare, bindsChannel: binding !== undefined, actsAs, userName, nonce };
}

/** undefined: is no such message. */
export function parseClientFinal(text: string): ClientFinal | undefined {
  const [, withoutProof, channelBinding, nonce, proof] = CLIENT_FINAL.exec(text) ?? [];
  if (
    withoutProof === undefined ||
    channelBinding === undefined ||
    nonce === undefined ||
    proof === undefined
  )
    return undefined;
  return {
    withoutProof,
    channelBinding: Buffer.from(channelBinding, 'base64'),
    nonce,
    proof: Buffer.from(proof, 'base64'),
  };
}

/** A name in which `=2C` is a comma and `=3D` an equals sign; undefined: has other equals signs. */
function unescaped(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined;
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}
