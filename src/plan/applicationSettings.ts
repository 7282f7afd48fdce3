import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

/** `callbackBackoffDelayMs` → `callback_backoff_delay_ms`. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const snakeKeys = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [snake(name), snakeKeys(inner)]))
    : value;

/** The settings that a resource declares, as `/v1/settings/application` spells them. */
export function declaredSettings({ spec }: WhatsAppDeployment): Record<string, unknown> {
  const { webhooks, ...settings } = spec.settings ?? {};
  const hooks = { ...webhooks, ...(spec.webhook ? { url: spec.webhook.url } : {}) };
  return snakeKeys({ ...settings, ...(Object.keys(hooks).length > 0 ? { webhooks: hooks } : {}) }) as Record<
    string,
    unknown
  >;
}
