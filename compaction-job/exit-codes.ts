/** How the compaction job ends, for cron and Kubernetes. */
export const EXIT = {
  /** Everything was done, and what was verified is right, or was mended. */
  clean: 0,
  /** The log or a store could not be reached, or failed; the next run does what was left. */
  failed: 1,
  /** The command line or the configuration was wrong: no run will succeed before that is changed. */
  usage: 2,
  /** The snapshot differs from the log, and was not, or could not be, mended. */
  differences: 3,
} as const;
