import * as z from 'zod';

const flag = z.boolean().optional();
/** Tables of the documentation give strings, samples give numbers. Both are accepted, and stored as numbers. */
const DAY_MS = 86_400_000;
/** Not found in any source: the upper limits. Longer waits are those of a mistake, and none is needed within a day. */
const milliseconds = z.coerce.number().int().min(0).max(DAY_MS).optional();
const seconds = z.coerce
  .number()
  .int()
  .min(1)
  .max(DAY_MS / 1000)
  .optional();

const LONGEST_URL = 2048;

/** Why a URL can't be that of a webhook; undefined if it can. */
function webhookUrlProblem(url: string): string | undefined {
  if (!url.startsWith('https://')) return 'must begin with https://';
  if (url.length > LONGEST_URL) return `must not be longer than ${LONGEST_URL} characters`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return parsed && parsed.hostname !== '' && parsed.port !== '0' ? undefined : 'is no URL that can be called';
}

/** The body of `PATCH /v1/settings/application`. Source: docs/onprem/api-admin.md §7.1. */
export const settingsPatch = z.strictObject({
  callback_persist: flag,
  callback_backoff_delay_ms: milliseconds,
  max_callback_backoff_delay_ms: milliseconds,
  media: z
    .strictObject({
      auto_download: z.array(z.enum(['image', 'document', 'audio', 'video', 'voice', 'sticker'])).optional(),
    })
    .optional(),
  pass_through: flag,
  sent_status: flag,
  webhooks: z
    .strictObject({
      url: z
        .string()
        .superRefine((url, context) => {
          const problem = url === '' ? undefined : webhookUrlProblem(url);
          if (problem !== undefined) context.addIssue({ code: 'custom', message: `webhooks.url ${problem}` });
        })
        .optional(),
      max_concurrent_requests: z.coerce
        .number()
        .refine((count) => [6, 12, 18, 24].includes(count), 'must be 6, 12, 18 or 24')
        .optional(),
      // `sending` is only for stacks with the Cloud API behind them.
      message: z.strictObject({ sent: flag, delivered: flag, read: flag, sending: flag }).optional(),
    })
    .optional(),
  heartbeat_interval: seconds,
  unhealthy_interval: seconds,
  axolotl_context_striping_disabled: flag,
  notify_user_change_number: flag,
  show_security_notifications: flag,
  db_garbagecollector_enable: flag,
  garbagecollector_enable: z.strictObject({ messages: flag, media: flag }).optional(),
  skip_referral_media_download: flag,
  webhook_payload_conversation_pricingmodel_disabled: flag,
  verbose_logging: flag,
  log_level: z.string().max(32).optional(),
  on_call_pager: z.string().max(64).optional(),
});

/** Rules of the stack beyond the shape. */
export const SETTINGS_OF_CLIENT = {
  passThrough: 'pass_through can not be enabled any more since v2.35',
} as const;

/** The settings of a new installation. */
export const DEFAULT_SETTINGS = {
  callback_persist: true,
  callback_backoff_delay_ms: 3000,
  max_callback_backoff_delay_ms: 900_000,
  media: { auto_download: ['image', 'document', 'audio', 'video', 'voice', 'sticker'] as string[] },
  sent_status: false,
  webhooks: {
    url: '',
    max_concurrent_requests: 6,
    message: { sent: false, delivered: true, read: true },
  },
  heartbeat_interval: 5,
  unhealthy_interval: 30,
  notify_user_change_number: false,
  show_security_notifications: false,
  garbagecollector_enable: { messages: true, media: false },
  skip_referral_media_download: false,
  verbose_logging: false,
  log_level: 'info',
};
export type ApplicationSettings = typeof DEFAULT_SETTINGS & Record<string, unknown>;

/** The parts of the answer to `GET` that the client relies on. */
export const settingsResponse = z.looseObject({
  settings: z.looseObject({ application: z.record(z.string(), z.unknown()) }),
});

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Merges as PATCH does: absent fields keep their values, in nested objects too. */
export function mergeSettings<T extends Plain>(current: T, patch: Plain): T {
  const merged: Plain = { ...current };
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    const before = merged[name];
    merged[name] = isPlain(value) && isPlain(before) ? mergeSettings(before, value) : value;
  }
  return merged as T;
}

/** The smallest patch that makes `current` agree with `wanted`; undefined if it already does. */
export function settingsDifference(wanted: Plain, current: Plain): Plain | undefined {
  const patch: Plain = {};
  for (const [name, value] of Object.entries(wanted)) {
    if (value === undefined) continue;
    const before = current[name];
    if (isPlain(value)) {
      const inner = settingsDifference(value, isPlain(before) ? before : {});
      if (inner) patch[name] = inner;
    } else if (!sameSetting(value, before)) patch[name] = value;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Lists are sets, and numbers may come as text. */
function sameSetting(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
  return a === b || (a !== undefined && b !== undefined && String(a) === String(b));
}
