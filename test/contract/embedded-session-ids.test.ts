import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nodeFileSystem } from '../../src/adapters/embedded/file-system.ts';
import { EmbeddedSessionIds } from '../../src/adapters/embedded/session-ids.ts';
import { sessionIdGeneratorContract } from './session-id-generator-contract.ts';

sessionIdGeneratorContract('embedded', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'spoke-session-ids-'));
  return {
    open: () => Promise.resolve(new EmbeddedSessionIds({ directory, fileSystem: nodeFileSystem })),
    durable: true,
    dispose: () => rm(directory, { recursive: true }),
  };
});
