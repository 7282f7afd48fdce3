import * as z from 'zod';
import type { sticker, stickerPatch, stickerpack, stickerpackPatch } from '../../onprem/stickerpacks.ts';
import type { Calls, Session } from '../calls.ts';

const PACKS = '/v1/stickerpacks';
const packPath = (id: string): string => `${PACKS}/${encodeURIComponent(id)}`;
const stickersPath = (id: string): string => `${packPath(id)}/stickers`;
const stickerPath = (id: string, index: number): string => `${stickersPath(id)}/${index}`;
/** WhatsApp's own packs, read only. */
const namespaceOf = (isFirstParty: boolean): string => (isFirstParty ? '?namespace=whatsapp' : '');

const listed = z.looseObject({ stickerpacks: z.array(z.looseObject({ id: z.string() })) });
const described = z.looseObject({ stickerpacks: z.array(z.record(z.string(), z.unknown())).min(1) });
const indexed = z.looseObject({ stickers: z.array(z.looseObject({ index: z.number() })) });
const shown = z.looseObject({
  stickers: z
    .array(z.looseObject({ image_data_id: z.string().optional(), emojis: z.array(z.string()).optional() }))
    .min(1),
});

/** Node Stickerpacks. Source: docs/onprem/api-messaging.md §6. */
export class Stickerpacks {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `GET /v1/stickerpacks`: ids. */
  async list(session: Session, options: { isFirstParty?: boolean }, signal: AbortSignal): Promise<string[]> {
    const path = PACKS + namespaceOf(options.isFirstParty === true);
    const answer = await this.#calls.json(listed, session, { method: 'GET', path }, signal);
    return answer.stickerpacks.map(({ id }) => id);
  }

  /** `POST /v1/stickerpacks`. @returns the id */
  async create(session: Session, pack: z.input<typeof stickerpack>, signal: AbortSignal): Promise<string> {
    const call = { method: 'POST', path: PACKS, json: pack, isRepeatable: false } as const;
    return (await this.#calls.json(listed, session, call, signal)).stickerpacks[0]?.id ?? '';
  }

  /** `GET /v1/stickerpacks/{id}`: publisher, name, links. */
  async read(
    session: Session,
    id: string,
    options: { isFirstParty?: boolean },
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const path = packPath(id) + namespaceOf(options.isFirstParty === true);
    const answer = await this.#calls.json(described, session, { method: 'GET', path }, signal);
    return answer.stickerpacks[0] ?? {};
  }

  /** `PATCH /v1/stickerpacks/{id}`. */
  async change(
    session: Session,
    id: string,
    patch: z.input<typeof stickerpackPatch>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'PATCH', path: packPath(id), json: patch }, signal);
  }

  /** `DELETE /v1/stickerpacks/{id}`. @returns whether there was one */
  async remove(session: Session, id: string, signal: AbortSignal): Promise<boolean> {
    const call = { method: 'DELETE', path: packPath(id) } as const;
    return (await this.#calls.textIfThere(session, call, signal)) !== undefined;
  }

  /** `GET /v1/stickerpacks/{id}/stickers`: indexes. */
  async stickers(
    session: Session,
    id: string,
    options: { isFirstParty?: boolean },
    signal: AbortSignal,
  ): Promise<number[]> {
    const path = stickersPath(id) + namespaceOf(options.isFirstParty === true);
    const answer = await this.#calls.json(indexed, session, { method: 'GET', path }, signal);
    return answer.stickers.map(({ index }) => index);
  }

  /** `POST /v1/stickerpacks/{id}/stickers`, with the id of an uploaded WebP image. @returns the index */
  async addSticker(
    session: Session,
    id: string,
    added: z.input<typeof sticker>,
    signal: AbortSignal,
  ): Promise<number> {
    const call = { method: 'POST', path: stickersPath(id), json: added, isRepeatable: false } as const;
    return (await this.#calls.json(indexed, session, call, signal)).stickers[0]?.index ?? 0;
  }

  /** `GET /v1/stickerpacks/{id}/stickers/{index}`. */
  async sticker(
    session: Session,
    id: string,
    index: number,
    signal: AbortSignal,
  ): Promise<{ image_data_id?: string | undefined; emojis?: string[] | undefined }> {
    const call = { method: 'GET', path: stickerPath(id, index) } as const;
    return (await this.#calls.json(shown, session, call, signal)).stickers[0] ?? {};
  }

  /** `PATCH /v1/stickerpacks/{id}/stickers/{index}`. */
  async changeSticker(
    session: Session,
    id: string,
    index: number,
    patch: z.input<typeof stickerPatch>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'PATCH', path: stickerPath(id, index), json: patch }, signal);
  }

  /** `DELETE /v1/stickerpacks/{id}/stickers/{index}`. @returns whether there was one */
  async removeSticker(session: Session, id: string, index: number, signal: AbortSignal): Promise<boolean> {
    const call = { method: 'DELETE', path: stickerPath(id, index) } as const;
    return (await this.#calls.textIfThere(session, call, signal)) !== undefined;
  }
}
