const LOOK_MS = 500;

/** Fires when the process that started this one has ended: this process then has another parent. */
export function parentEnded(): AbortSignal {
  const ended = new AbortController();
  const before = process.ppid;
  const looking = setInterval(() => {
    if (process.ppid === before) return;
    clearInterval(looking);
    ended.abort(new Error('the process that started this one has ended'));
  }, LOOK_MS);
  // It keeps no process alive.
  looking.unref();
  return ended.signal;
}
