import type { Readable } from 'node:stream';
import * as z from 'zod';
import type { Calls, Session } from '../calls.ts';

const MEDIA = '/v1/media';
const path = (id: string): string => `${MEDIA}/${encodeURIComponent(id)}`;
const items = z.looseObject({ media_items: z.array(z.looseObject({ id: z.string() })).min(1) });
const uploaded = z.looseObject({ media: z.array(z.looseObject({ id: z.string() })).min(1) });

/** Node Media. Content is streamed, never held in memory. Source: docs/onprem/api-messaging.md §5. */
export class Media {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `POST /v1/media`: up to 64 MB by the documentation of most versions, 100 MB by others. @returns the id to send it by */
  async upload(
    session: Session,
    content: string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    contentType: string,
    signal: AbortSignal,
  ): Promise<string> {
    const call = { method: 'POST', path: MEDIA, contentType, body: content, isRepeatable: false } as const;
    return (await this.#calls.json(uploaded, session, call, signal)).media[0]?.id ?? '';
  }

  /** `GET /v1/media/{id}`; undefined for an unknown id. Read the content to its end, or destroy it. */
  download(
    session: Session,
    id: string,
    signal: AbortSignal,
  ): Promise<{ type: string; content: Readable } | undefined> {
    return this.#calls.stream(session, { method: 'GET', path: path(id) }, signal);
  }

  /** `GET /v1/media/{id}/download`: asks for media that was not fetched by itself; the webhook tells when it is there. */
  async fetch(session: Session, id: string, signal: AbortSignal): Promise<void> {
    await this.#calls.json(items, session, { method: 'GET', path: `${path(id)}/download` }, signal);
  }

  /** `DELETE /v1/media/{id}`. @returns whether the file existed */
  async remove(session: Session, id: string, signal: AbortSignal): Promise<boolean> {
    return (
      (await this.#calls.textIfThere(session, { method: 'DELETE', path: path(id) }, signal)) !== undefined
    );
  }
}
