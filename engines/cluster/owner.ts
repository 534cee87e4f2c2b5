/**
 * Whoever holds a cluster ends when it is asked to, when its terminal goes away, and when the npm that has started it is killed,
 * which nobody would tell it of.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const POLL_MS = 500;

/** `listener` is called each time; it can be changed later. */
export function onOwnersEnd(listener: () => void): { readonly change: (to: () => void) => void } {
  let current = listener;
  for (const signal of SIGNALS) process.on(signal, () => current());
  const parent = process.ppid;
  // Started by a shell it may well outlive it.
  if (process.env['npm_lifecycle_event'] !== undefined) {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      current();
    }, POLL_MS);
    timer.unref();
  }
  return { change: (to) => (current = to) };
}
