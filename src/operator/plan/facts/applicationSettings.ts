import { snakeKeys } from '../../../onprem/snakeKeys.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

/** The settings that a resource declares, as `/v1/settings/application` spells them. */
export function declaredSettings({ spec }: WhatsAppDeployment): Record<string, unknown> {
  const { webhooks, ...settings } = spec.settings ?? {};
  const hooks = { ...webhooks, ...(spec.webhook ? { url: spec.webhook.url } : {}) };
  return snakeKeys({ ...settings, ...(Object.keys(hooks).length > 0 ? { webhooks: hooks } : {}) });
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
