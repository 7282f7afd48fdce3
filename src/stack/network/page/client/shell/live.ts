import { CHANGED, CONTROL_BASE } from './call.ts';
import { byId } from './element.ts';
import { guarded } from './notices.ts';

/** Between two readings of what has changed: under a load, the page must not be a load itself. */
const PAUSE_MS = 150;

export interface News {
  /** A chat, a person or a number has changed. Many changes in a short time cause one call. */
  readonly refresh: () => Promise<void>;
  /** The page hears of changes from now on: what happened before, it has to read. */
  readonly onConnected: () => unknown;
  /** Other events by name, with what each brings. */
  readonly others: Readonly<Record<string, (content: unknown) => unknown>>;
}

/** Follows what happens in the simulation. @returns what refreshes now */
export function followChanges({ refresh, onConnected, others }: News): () => Promise<void> {
  const catchUp = oneAtATime(refresh);
  const state = byId('live', HTMLElement);
  const show = (isLive: boolean) => {
    state.textContent = isLive ? 'Live' : 'Connecting…';
    state.classList.toggle('off', !isLive);
  };
  const news = new EventSource(`${CONTROL_BASE}/events`);
  news.onmessage = catchUp;
  news.onopen = guarded(async (event: Event) => {
    // The API sends an event of the same name now and again, which only shows that the connection is open.
    if (event instanceof MessageEvent) return;
    void catchUp();
    await onConnected();
    show(true);
  });
  news.onerror = () => show(false);
  for (const [name, take] of Object.entries(others))
    news.addEventListener(name, ({ data }) => void take(JSON.parse(data)));
  addEventListener(CHANGED, catchUp);
  return catchUp;
}

/** While the action runs, any number of calls cause one more run. */
function oneAtATime(action: () => Promise<void>): () => Promise<void> {
  let isStale = false;
  let isBusy = false;
  return guarded(async () => {
    isStale = true;
    if (isBusy) return;
    isBusy = true;
    try {
      while (isStale) {
        isStale = false;
        await action();
        await new Promise((resume) => setTimeout(resume, PAUSE_MS));
      }
    } finally {
      isBusy = false;
    }
  });
}
