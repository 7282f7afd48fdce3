import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { never } from './cluster.ts';

/** Writes into the journal that the operator has seen the certificate of the Webapps, where no Webapp serves one. */
export async function seeCertificate(client: KubeClient, namespace: string, stack: string): Promise<void> {
  const name = `${stack}-journal`;
  const { data } = await client.get<KubeObject & { data: Record<string, string> }>(
    kinds.Secret,
    namespace,
    name,
    never,
  );
  const journal = JSON.parse(Buffer.from(data['journal.json'] ?? '', 'base64').toString()) as object;
  const text = JSON.stringify({ ...journal, webappCa: 'PEM' });
  await client.mergePatch(
    kinds.Secret,
    { namespace, name },
    { data: { 'journal.json': Buffer.from(text).toString('base64') } },
    never,
  );
}
