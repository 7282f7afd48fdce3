import { isNotFound } from '../../../engine/kube/apiError.ts';
import { kinds } from '../../../engine/kube/kubeObject.ts';
import { decodeSecret, type SecretObject } from '../../../operator/plan/facts/secrets.ts';
import type { Gatherer } from './gather.ts';

/** The content of a Secret, which the mask hides from now on; undefined if it does not exist. */
export async function secretContent(
  { client, namespace, mask }: Gatherer,
  secretName: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const content = decodeSecret(await client.get<SecretObject>(kinds.Secret, namespace, secretName, signal));
    mask.learn(content);
    return content;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
