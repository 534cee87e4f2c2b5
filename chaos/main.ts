/** The process of a proof, behind `spoke prove`. */
import { runProof } from './command.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

process.exitCode = await runProof(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  workingDirectory: process.cwd(),
  onStopSignal: (callback) => {
    for (const signal of SIGNALS) process.on(signal, callback);
    return () => {
      for (const signal of SIGNALS) process.off(signal, callback);
    };
  },
});
