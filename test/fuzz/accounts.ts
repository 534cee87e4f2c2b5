/** Users of a broker that is fuzzed with accounts: who plays, who watches, and what the rules keep from whom. */
import { writeFile } from 'node:fs/promises';
import type { IConnectPacket } from 'mqtt-packet';
import { formatPasswordHash, hashPassword } from '../../src/auth/password-hash.ts';

/** So cheap that a login takes milliseconds. */
const COST = { ln: 10, r: 8, p: 1 };

type Credentials = Required<Pick<IConnectPacket, 'username' | 'password'>>;

/** Of cases. On a broker without accounts they mean nothing. */
export const PLAYER: Credentials = { username: 'player', password: Buffer.from('right') };
/** Of auditor and witness. */
export const WATCHER: Credentials = { username: 'watcher', password: Buffer.from('also right') };

/** Players may publish to one of them and subscribe to the other; what is published to either reaches no player. */
export const KEPT_FROM_PLAYERS: readonly string[] = ['d', 'a/b/c'];

export async function writeAccounts(file: string): Promise<void> {
  const userOf = async ({ password }: Credentials, rules: readonly string[]) => ({
    password: formatPasswordHash(await hashPassword(Buffer.from(password), Buffer.alloc(16, 1), COST)),
    rules,
  });
  const users = {
    [PLAYER.username]: await userOf(PLAYER, ['deny subscribe d', 'deny publish a/b/c', 'allow all #']),
    [WATCHER.username]: await userOf(WATCHER, ['allow all #']),
  };
  await writeFile(file, JSON.stringify({ users }));
}
