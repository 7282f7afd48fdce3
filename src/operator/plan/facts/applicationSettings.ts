import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

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

/** Settings that take effect only when Coreapps restart. Source: docs/onprem/api-admin.md §19. */
const NEED_RESTART = ['callback_persist', 'pass_through', 'db_garbagecollector_enable'] as const;

/** The declared settings that need a restart, by path. */
export function restartValues(declared: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const webhooks = declared.webhooks as { max_concurrent_requests?: unknown } | undefined;
  return Object.fromEntries([
    ...NEED_RESTART.flatMap((name) => (declared[name] === undefined ? [] : [[name, declared[name]]])),
    ...(webhooks?.max_concurrent_requests === undefined
      ? []
      : [['webhooks.max_concurrent_requests', webhooks.max_concurrent_requests]]),
  ]);
}
