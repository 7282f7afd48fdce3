import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import type { ContainerContext } from './containerCommand.ts';
import type { Container } from './podTypes.ts';

type Loaded = Map<string, Record<string, string>>;

/** Reads the Secrets and ConfigMaps that the variables of a container refer to; one that does not exist is left out. */
export async function containerReferences(
  client: KubeClient,
  namespace: string | undefined,
  { env = [], envFrom = [] }: Container,
  signal: AbortSignal,
): Promise<Pick<ContainerContext, 'secrets' | 'configMaps'>> {
  const load = async (kind: 'Secret' | 'ConfigMap', names: readonly string[]): Promise<Loaded> => {
    const loaded: Loaded = new Map();
    for (const name of new Set(names)) {
      const data = await dataOf(client, kind, namespace, name, signal);
      if (data) loaded.set(name, data);
    }
    return loaded;
  };
  const secrets = [
    ...env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
    ...envFrom.flatMap(({ secretRef }) => secretRef?.name ?? []),
  ];
  const configMaps = [
    ...env.flatMap(({ valueFrom }) => valueFrom?.configMapKeyRef?.name ?? []),
    ...envFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? []),
  ];
  return { secrets: await load('Secret', secrets), configMaps: await load('ConfigMap', configMaps) };
}

async function dataOf(
  client: KubeClient,
  kind: 'Secret' | 'ConfigMap',
  namespace: string | undefined,
  name: string,
  signal: AbortSignal,
): Promise<Record<string, string> | undefined> {
  const object = await client
    .get<KubeObject & { data?: Record<string, string> }>(kinds[kind], namespace, name, signal)
    .catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
  if (!object) return undefined;
  const decode = (value: string) =>
    kind === 'Secret' ? Buffer.from(value, 'base64').toString('utf8') : value;
  return Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, decode(value)]));
}
