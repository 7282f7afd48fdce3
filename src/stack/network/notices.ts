import type { CallbackRecord } from './callbackLog.ts';
import type { Change } from './entryEffects.ts';
import type { RehearsalEvent } from './rehearsalRecord.ts';
import type { RequestRecord } from './requestLog.ts';

/** What has changed: a chat or a number, a callback, a call of the API, an event of the rehearsal, the clock, or everything. */
export type Notice =
  | ({ readonly about: 'chat' } & Change)
  | ({ readonly about: 'callback' } & CallbackRecord)
  | ({ readonly about: 'request' } & RequestRecord)
  | ({ readonly about: 'rehearsal' } & RehearsalEvent)
  | { readonly about: 'clock'; readonly movedMs: number }
  | { readonly about: 'reset' };

/** Tells those who watch what changes. */
export class Notices {
  readonly #watchers = new Set<(notice: Notice) => void>();

  /** @returns what ends it */
  watch(onNotice: (notice: Notice) => void): () => void {
    this.#watchers.add(onNotice);
    return () => this.#watchers.delete(onNotice);
  }

  tell(notice: Notice): void {
    for (const onNotice of this.#watchers) onNotice(notice);
  }
}
