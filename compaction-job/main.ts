/** The process of the compaction job. Needs no care when it is stopped: it may be killed at any moment. */
import { runCompactionJob } from './command.ts';

process.exitCode = await runCompactionJob(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  workingDirectory: process.cwd(),
});
