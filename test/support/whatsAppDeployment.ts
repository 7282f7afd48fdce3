import {
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../src/operator/resource/whatsAppDeployment.ts';

/** The smallest resource as the API server stores it, with changes. */
export function whatsAppDeployment(
  changes: { readonly spec?: object; readonly metadata?: object; readonly status?: object | undefined } = {},
): WhatsAppDeployment {
  const parsed = parseWhatsAppDeployment({
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: {
      name: 'shop',
      namespace: 'default',
      uid: 'u1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: '1',
      ...changes.metadata,
    },
    spec: { phoneNumber: '+16315551000', ...changes.spec },
    ...(changes.status ? { status: changes.status } : {}),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}
