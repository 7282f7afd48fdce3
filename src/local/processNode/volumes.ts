import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CodedError } from '../../base/codedError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { fieldValue } from './containerCommand.ts';
import type { DownwardApi, Items, Pod, Volume } from './podTypes.ts';

export interface VolumeContext {
  readonly client: KubeClient;
  readonly pod: Pod;
  readonly podIP: string;
  readonly hostIP: string;
  /** Folder of the pod's volumes. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

type Files = Record<string, Buffer>;
type WithData = KubeObject & {
  readonly data?: Record<string, string>;
  readonly binaryData?: Record<string, string>;
  readonly stringData?: never;
};
type Claim = KubeObject & {
  readonly spec?: { readonly volumeName?: string };
  readonly status?: { readonly phase?: string };
};
type PersistentVolume = KubeObject & { readonly spec?: { readonly hostPath?: { readonly path: string } } };

/** Lifetime of a service account token, unless the volume sets one. */
const TOKEN_SECONDS = 3600;

/**
 * Puts the content of a volume into a folder and returns the folder. Another call updates Secrets, ConfigMaps and
 * tokens. @throws CodedError `FailedMount` while an object that the volume needs is missing
 */
export async function materialise(volume: Volume, context: VolumeContext): Promise<string> {
  const folder = join(context.folder, volume.name);
  if (volume.hostPath) return volume.hostPath.path;
  if (volume.persistentVolumeClaim) return claimFolder(volume.persistentVolumeClaim.claimName, context);
  await mkdir(folder, { recursive: true });
  if (volume.secret)
    await writeFiles(folder, await secretFiles(volume.secret.secretName, volume.secret, context));
  else if (volume.configMap)
    await writeFiles(folder, await configMapFiles(volume.configMap.name, volume.configMap, context));
  else if (volume.downwardAPI) await writeFiles(folder, downwardFiles(volume.downwardAPI, context));
  else if (volume.projected) {
    const parts = await Promise.all(
      volume.projected.sources.map((source) => {
        if (source.secret) return secretFiles(source.secret.name, source.secret, context);
        if (source.configMap) return configMapFiles(source.configMap.name, source.configMap, context);
        if (source.serviceAccountToken) return tokenFile(source.serviceAccountToken, context);
        return downwardFiles(source.downwardAPI ?? {}, context);
      }),
    );
    await writeFiles(folder, Object.assign({}, ...parts) as Files);
  } else if (!volume.emptyDir)
    throw new CodedError(
      'FailedMount',
      `the process node does not support the type of volume ${volume.name}`,
    );
  return folder;
}

/** Whether the content of a volume may change while the pod runs. */
export const isRefreshed = ({ secret, configMap, projected }: Volume): boolean =>
  Boolean(secret ?? configMap ?? projected);

async function claimFolder(claimName: string, { client, pod, signal }: VolumeContext): Promise<string> {
  const claim = await client
    .get<Claim>(kinds.PersistentVolumeClaim, pod.metadata.namespace, claimName, signal)
    .catch(() => undefined);
  if (claim?.status?.phase !== 'Bound') {
    throw new CodedError('FailedMount', `claim ${claimName} is not bound yet`, { retriable: true });
  }
  const bound = await client.get<PersistentVolume>(
    kinds.PersistentVolume,
    undefined,
    claim.spec?.volumeName ?? '',
    signal,
  );
  const path = bound.spec?.hostPath?.path;
  if (!path) throw new CodedError('FailedMount', `volume ${claim.spec?.volumeName} has no hostPath`);
  await mkdir(path, { recursive: true });
  return path;
}

async function secretFiles(name: string, items: Items, context: VolumeContext): Promise<Files> {
  return select(await contentOf('Secret', name, items, context), items);
}

async function configMapFiles(name: string, items: Items, context: VolumeContext): Promise<Files> {
  return select(await contentOf('ConfigMap', name, items, context), items);
}

async function contentOf(
  kind: 'Secret' | 'ConfigMap',
  name: string,
  { optional }: Items,
  { client, pod, signal }: VolumeContext,
): Promise<Files> {
  try {
    const { data = {}, binaryData = {} } = await client.get<WithData>(
      kinds[kind],
      pod.metadata.namespace,
      name,
      signal,
    );
    return {
      ...Object.fromEntries(
        Object.entries(data).map(([key, value]) => [
          key,
          Buffer.from(value, kind === 'Secret' ? 'base64' : 'utf8'),
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(binaryData).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
      ),
    };
  } catch (cause) {
    if (optional) return {};
    throw new CodedError('FailedMount', `${kind} ${name} not found`, { retriable: true, cause });
  }
}

const select = (content: Files, { items }: Items): Files =>
  items
    ? Object.fromEntries(items.flatMap(({ key, path }) => (content[key] ? [[path, content[key]]] : [])))
    : content;

const downwardFiles = ({ items = [] }: DownwardApi, context: VolumeContext): Files =>
  Object.fromEntries(
    items.map(({ path, fieldRef }) => [path, Buffer.from(fieldValue(fieldRef?.fieldPath ?? '', context))]),
  );

async function tokenFile(
  source: { path: string; audience?: string; expirationSeconds?: number },
  { client, pod, signal }: VolumeContext,
): Promise<Files> {
  const answer = (await client.transport.request(
    {
      method: 'POST',
      path: `/api/v1/namespaces/${pod.metadata.namespace}/serviceaccounts/${pod.spec.serviceAccountName ?? 'default'}/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: source.audience ? [source.audience] : undefined,
          expirationSeconds: source.expirationSeconds ?? TOKEN_SECONDS,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
        },
      },
    },
    signal,
  )) as { status: { token: string } };
  return { [source.path]: Buffer.from(answer.status.token) };
}

/** Writes changed files and deletes the others. Only the owner may read them, because they may hold Secrets. */
async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    const current = await readFile(target).catch(() => undefined);
    if (current?.equals(content)) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode: 0o600 });
  }
  for (const entry of await readdir(folder)) {
    if (!Object.keys(files).some((path) => path === entry || path.startsWith(`${entry}/`)))
      await rm(join(folder, entry), { recursive: true });
  }
}
