/**
 * Session identifiers from blocks that are reserved on the local disk, one small file per tenant, before the
 * first identifier of a block is given. A crash skips the rest of a block; nothing is given twice.
 */
import path from 'node:path';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import { SessionIdBlocks, type SessionIdBlock } from '../../session/session-id-blocks.ts';
import type { SessionIdGenerator } from '../../session/session-id-generator.ts';
import type { SessionId, TenantId } from '../../tenancy/identity.ts';
import { readWholeFile, replaceFile } from './durable-file.ts';
import { readSafeInteger, writeSafeInteger } from './entry-codec.ts';
import type { FileSystem } from './file-system.ts';
import { isErrorCode } from './journal/segment.ts';

/** Identifiers reserved with one write. */
const BLOCK_IDS = 1_024;
/** Skipped above the highest known identifier when a file is damaged: far more than one block. */
const DAMAGE_GAP_IDS = 1_048_576;
const FILE_BYTES = 8;

export interface EmbeddedSessionIdsOptions {
  /** Made if it is not there; one generator per directory. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  /** Highest identifier that the fold of the log knows, 0: none. Identifiers given are always above it. */
  readonly highestKnown?: (tenant: TenantId) => number;
  /** The file of a tenant is not what was written; its identifiers go on far above the highest known one. */
  readonly onDamage?: (path: string) => void;
}

export class EmbeddedSessionIds implements SessionIdGenerator {
  readonly #options: EmbeddedSessionIdsOptions;
  readonly #blocks: SessionIdBlocks;

  constructor(options: EmbeddedSessionIdsOptions) {
    this.#options = options;
    this.#blocks = new SessionIdBlocks({
      reserve: (tenant, before) => this.#reserve(tenant, before),
      remove: (tenant) => this.#remove(tenant),
      closedError: () => this.#unavailable('it was closed; open it again'),
    });
  }

  next(tenant: TenantId): Promise<SessionId> {
    return this.#blocks.next(tenant);
  }

  forget(tenant: TenantId): void {
    this.#blocks.forget(tenant);
  }

  remove(tenant: TenantId): Promise<void> {
    return this.#blocks.remove(tenant);
  }

  close(): Promise<void> {
    return this.#blocks.close();
  }

  async #reserve(tenant: TenantId, before: number | undefined): Promise<SessionIdBlock> {
    const { directory, fileSystem } = this.#options;
    try {
      await fileSystem.makeDirectory(directory);
      const first = before === undefined ? await this.#firstFree(tenant) : before + 1;
      const last = first + BLOCK_IDS - 1;
      const content = Buffer.alloc(FILE_BYTES);
      writeSafeInteger(content, 0, last);
      await replaceFile(fileSystem, directory, fileNameOf(tenant), content);
      return { first, last };
    } catch (cause) {
      throw this.#unavailable('see to its disk; the client may connect again', cause);
    }
  }

  async #remove(tenant: TenantId): Promise<void> {
    const { directory, fileSystem } = this.#options;
    try {
      await fileSystem.remove(path.join(directory, fileNameOf(tenant)));
      await fileSystem.syncDirectory(directory);
    } catch (cause) {
      if (isErrorCode(cause, 'ENOENT')) return;
      throw this.#unavailable('see to its disk; the removal is tried again', cause);
    }
  }

  async #firstFree(tenant: TenantId): Promise<number> {
    const { directory, fileSystem, highestKnown, onDamage } = this.#options;
    const known = highestKnown?.(tenant) ?? 0;
    const filePath = path.join(directory, fileNameOf(tenant));
    const content = await readWholeFile(fileSystem, filePath);
    if (content === undefined) return known + 1;
    if (content !== 'damaged' && content.length === FILE_BYTES) {
      return Math.max(known, readSafeInteger(content, 0)) + 1;
    }
    onDamage?.(filePath);
    return known + DAMAGE_GAP_IDS;
  }

  #unavailable(advice: string, cause?: unknown): StoreUnavailableError {
    return new StoreUnavailableError(`The session id store in ${this.#options.directory}`, advice, { cause });
  }
}

/** Hexadecimal, because some file systems do not tell upper from lower case. */
function fileNameOf(tenant: TenantId): string {
  return `tenant-${Buffer.from(tenant).toString('hex')}`;
}
