import { parseWhatsAppFleet, type WhatsAppFleet } from '../../src/operator/resource/whatsAppFleet.ts';

/** A fleet as the API server stores it, with changes. */
export function whatsAppFleet(
  changes: { readonly spec?: object; readonly metadata?: object; readonly status?: object | undefined } = {},
): WhatsAppFleet {
  const parsed = parseWhatsAppFleet({
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppFleet',
    metadata: {
      name: 'eu',
      namespace: 'default',
      uid: 'uid-eu',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: '1',
      ...changes.metadata,
    },
    spec: { version: 'v2.59.1', ...changes.spec },
    ...(changes.status ? { status: changes.status } : {}),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}
