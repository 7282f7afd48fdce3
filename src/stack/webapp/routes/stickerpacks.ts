import { randomBytes } from 'node:crypto';
import type * as z from 'zod';
import {
  FIRST_PARTY_PACKS,
  sticker,
  stickerPatch,
  stickerpack,
  stickerpackPatch,
} from '../../../onprem/stickerpacks.ts';
import { Refusal } from '../../wire/protocol.ts';
import { relayed } from '../respond.ts';
import { type Api, type Call, type Route, route } from '../route.ts';

/** Stickerpacks. Source: docs/onprem/api-messaging.md §6. */

const PACKS = '/v1/stickerpacks';
const PACK = `${PACKS}/:pack`;
const STICKERS = `${PACK}/stickers`;
const STICKER = `${STICKERS}/:index`;

interface StoredPack {
  readonly about: z.output<typeof stickerpack>;
  /** By index. An index is never reused. */
  readonly stickers: Readonly<Record<string, z.output<typeof sticker>>>;
  readonly next: number;
}
type Packs = Readonly<Record<string, StoredPack>>;

const read = async ({ router }: Api): Promise<Packs> =>
  ((await router.primary('getDocument', { name: 'stickerpacks' })).value as Packs | undefined) ?? {};
const write = async ({ router }: Api, packs: Packs): Promise<void> =>
  void (await router.primary('setDocument', { name: 'stickerpacks', value: packs }));

/** Callers choose the names, so inherited properties such as `valueOf` must not match. */
const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** WhatsApp's own packs are read-only. */
const isFirstParty = ({ query }: Pick<Call, 'query'>): boolean => query('namespace') === 'whatsapp';

async function find(
  call: Pick<Call, 'parameter'>,
  api: Api,
): Promise<{ packs: Packs; id: string; pack: StoredPack }> {
  const [packs, id] = [await read(api), call.parameter('pack')];
  const pack = own(packs, id);
  if (!pack) throw new Refusal(1006, `No sticker pack ${id}`);
  return { packs, id, pack };
}

function firstParty({ parameter }: Pick<Call, 'parameter'>) {
  const known = own(FIRST_PARTY_PACKS, parameter('pack'));
  if (!known) throw new Refusal(1006, `No sticker pack ${parameter('pack')}`);
  return known;
}

async function requireImage(id: string | undefined, { media }: Api): Promise<void> {
  if (id === undefined) return;
  const file = await media.find(id);
  if (!file) throw new Refusal(1006, `No media ${id}`);
  if (file.type !== 'image/webp') throw new Refusal(1009, 'image_data_id must be that of a WebP image');
}

const about = (summary: string) => ({ access: 'any', summary, fidelity: 'exact' }) as const;

export const stickerpackRoutes: readonly Route[] = [
  route({ method: 'GET', path: PACKS, ...about('Sticker packs') }, async (call, api) => {
    const ids = Object.keys(isFirstParty(call) ? FIRST_PARTY_PACKS : await read(api));
    return relayed(api.version, 200, { stickerpacks: ids.map((id) => ({ id })) });
  }),
  route(
    { method: 'POST', path: PACKS, ...about('Create a sticker pack'), body: stickerpack },
    async ({ body }, api) => {
      const id = randomBytes(12).toString('hex');
      await write(api, { ...(await read(api)), [id]: { about: body, stickers: {}, next: 0 } });
      return relayed(api.version, 200, { stickerpacks: [{ id }] });
    },
  ),
  route({ method: 'GET', path: PACK, ...about('A sticker pack') }, async (call, api) => {
    const pack = isFirstParty(call) ? firstParty(call) : (await find(call, api)).pack.about;
    return relayed(api.version, 200, { stickerpacks: [pack] });
  }),
  route(
    { method: 'PATCH', path: PACK, ...about('Change a sticker pack'), body: stickerpackPatch },
    async (call, api) => {
      const { packs, id, pack } = await find(call, api);
      await write(api, {
        ...packs,
        [id]: { ...pack, about: stickerpack.parse({ ...pack.about, ...call.body }) },
      });
      return relayed(api.version);
    },
  ),
  route({ method: 'DELETE', path: PACK, ...about('Delete a sticker pack') }, async (call, api) => {
    const { packs, id } = await find(call, api);
    const { [id]: _, ...others } = packs;
    await write(api, others);
    return relayed(api.version);
  }),
  route(
    {
      method: 'GET',
      path: STICKERS,
      ...about('Stickers of a pack'),
      fidelity: 'simplified',
      note: "the stickers of WhatsApp's own packs are not known, so the list is empty",
    },
    async (call, api) => {
      if (isFirstParty(call)) firstParty(call);
      const indexes = isFirstParty(call) ? [] : Object.keys((await find(call, api)).pack.stickers);
      return relayed(api.version, 200, { stickers: indexes.map((index) => ({ index: Number(index) })) });
    },
  ),
  route({ method: 'POST', path: STICKERS, ...about('Add a sticker'), body: sticker }, async (call, api) => {
    const { packs, id, pack } = await find(call, api);
    await requireImage(call.body.image_data_id, api);
    const index = pack.next;
    const stickers = { ...pack.stickers, [index]: call.body };
    await write(api, { ...packs, [id]: { ...pack, stickers, next: index + 1 } });
    return relayed(api.version, 200, { stickers: [{ index }] });
  }),
  route({ method: 'GET', path: STICKER, ...about('A sticker') }, async (call, api) => {
    const { sticker: found } = await findSticker(call, api);
    const { image_data_id: image, emojis = [] } = found;
    return relayed(api.version, 200, { stickers: [{ id: image, emojis, image_data_id: image }] });
  }),
  route(
    { method: 'PATCH', path: STICKER, ...about('Change a sticker'), body: stickerPatch },
    async (call, api) => {
      const { packs, id, pack, index, sticker: found } = await findSticker(call, api);
      await requireImage(call.body.image_data_id, api);
      const stickers = { ...pack.stickers, [index]: sticker.parse({ ...found, ...call.body }) };
      await write(api, { ...packs, [id]: { ...pack, stickers } });
      return relayed(api.version);
    },
  ),
  route({ method: 'DELETE', path: STICKER, ...about('Remove a sticker') }, async (call, api) => {
    const { packs, id, pack, index } = await findSticker(call, api);
    const { [index]: _, ...stickers } = pack.stickers;
    await write(api, { ...packs, [id]: { ...pack, stickers } });
    return relayed(api.version);
  }),
];

async function findSticker(call: Pick<Call, 'parameter'>, api: Api) {
  const found = await find(call, api);
  const index = call.parameter('index');
  const known = own(found.pack.stickers, index);
  if (!known) throw new Refusal(1006, `No sticker ${index}`);
  return { ...found, index, sticker: known };
}
