import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { FIELD_MANAGER } from '../plan/facts/names.ts';
import type { SecretMend } from '../plan/facts/secretGaps.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { belongsTo } from '../state/ownership.ts';
import { generateSecret } from './generatedSecrets.ts';

/**
 * Writes values into a generated Secret that lacks them.
 * @param seen the version that the plan was made from: another one is for the next pass
 * @returns the Secret, and what was done, in words; undefined if the Secret has changed since, or is not ours
 * @throws ApiError `Conflict`
 */
export async function mendSecret(
  client: KubeClient,
  resource: WhatsAppDeployment,
  { name, values }: SecretMend,
  seen: KubeObject | undefined,
  signal: AbortSignal,
): Promise<{ readonly written: KubeObject; readonly message: string } | undefined> {
  // Not the cached one, which lacks fields that a replacement would remove.
  const live = await client.get<SecretObject>(kinds.Secret, resource.metadata.namespace, name, signal);
  if (live.metadata.resourceVersion !== seen?.metadata.resourceVersion || !belongsTo(resource)(live))
    return undefined;
  const texts = values ?? (await generateSecret(resource, name)).stringData;
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  // Not a patch: the role of the operator has no such right on Secrets.
  const written = await client.update<KubeObject>(
    { ...live, data: { ...live.data, ...data } } as KubeObject,
    { fieldManager: FIELD_MANAGER },
    signal,
  );
  const fields = Object.keys(texts)
    .map((key) => `data.${key}`)
    .join(', ');
  const message = values
    ? `Secret ${name}: ${fields} removed or emptied by somebody, set back`
    : `Secret ${name}: values removed or emptied by somebody, which nothing needs as they were; ${fields} generated anew`;
  return { written, message };
}
