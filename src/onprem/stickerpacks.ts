import * as z from 'zod';

/** Sticker packs of the business. Source: docs/onprem/api-messaging.md §6. */

const iosLink = z.string().regex(/^https:\/\/itunes\.apple\.com\/app\/id\d+$/);
const androidLink = z.string().regex(/^https:\/\/play\.google\.com\/store\/apps\/details\?id=\S+$/);

export const stickerpack = z.object({
  publisher: z.string().min(1),
  name: z.string().min(1),
  ios_app_store_link: iosLink.optional(),
  android_app_store_link: androidLink.optional(),
});
export const stickerpackPatch = stickerpack.partial();
export const sticker = z.object({
  image_data_id: z.string().min(1),
  emojis: z.array(z.string().min(1)).optional(),
});
export const stickerPatch = sticker.partial();

/** WhatsApp's own packs, read only. The documentation gives two sample ids, and nothing about their stickers. */
export const FIRST_PARTY_PACKS = {
  whatsappcuppy: { publisher: 'WhatsApp', name: 'Cuppy' },
  YaYa: { publisher: 'WhatsApp', name: 'YaYa' },
} as const;
