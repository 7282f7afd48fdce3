import { parseWhatsAppBackup, type WhatsAppBackup } from '../../src/operator/resource/whatsAppBackup.ts';

/** A backup of the stack `shop` as the API server stores it, with changes. */
export function whatsAppBackup(
  name: string,
  changes: { readonly spec?: object; readonly metadata?: object; readonly status?: object } = {},
): WhatsAppBackup {
  const parsed = parseWhatsAppBackup({
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppBackup',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: '1',
      ...changes.metadata,
    },
    spec: { deployment: 'shop', ...changes.spec },
    ...(changes.status ? { status: changes.status } : {}),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}
