/** The name of a data directory: given to it once, so that what is kept elsewhere can be told from another directory's. */
import path from 'node:path';
import { readWholeFile, replaceFile } from './durable-file.ts';
import type { FileSystem } from './file-system.ts';

const FILE_NAME = 'identity';

export interface DirectoryIdentityOptions {
  /** Must exist. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  /** Unique text, for a directory that has no name yet. */
  readonly randomId: () => string;
}

/** Rejects when the file is damaged: another name would disown what belongs to the directory. */
export async function directoryIdentity(options: DirectoryIdentityOptions): Promise<string> {
  const { directory, fileSystem, randomId } = options;
  const content = await readWholeFile(fileSystem, path.join(directory, FILE_NAME));
  if (content === 'damaged')
    throw new Error(
      `${path.join(directory, FILE_NAME)} is damaged: restore it, or delete it and run "spoke storage reset"`,
    );
  if (content !== undefined) return content.toString();
  const identity = randomId();
  await replaceFile(fileSystem, directory, FILE_NAME, Buffer.from(identity));
  return identity;
}
