import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlreadyExists, isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';

const STORAGE_CLASS = 'local';
const PROVISIONER = 'waba-operator.dev/local-folder';
const MANAGER = { fieldManager: 'waba-local' } as const;

export interface Claim extends KubeObject {
  readonly spec?: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly accessModes?: readonly string[];
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
}
export interface PersistentVolume extends KubeObject {
  readonly spec?: {
    readonly storageClassName?: string;
    readonly hostPath?: { readonly path: string };
    readonly persistentVolumeReclaimPolicy?: string;
  };
  readonly status?: { readonly phase?: string };
}

/** Creates the default StorageClass: a folder for each claim. On one machine a folder serves every access mode. */
export async function ensureStorageClass(client: KubeClient, signal: AbortSignal): Promise<void> {
  await client.apply(
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: STORAGE_CLASS,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: PROVISIONER,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    },
    { ...MANAGER, force: true },
    signal,
  );
}

/** Creates the volume of a claim without one. */
export async function provision(
  client: KubeClient,
  claim: Claim,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const { metadata, spec } = claim;
  if (spec?.storageClassName !== STORAGE_CLASS || spec.volumeName || metadata.deletionTimestamp) return;
  const name = `pvc-${metadata.uid}`;
  const path = join(folder, 'volumes', name);
  await mkdir(path, { recursive: true });
  const volume: KubeObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      storageClassName: STORAGE_CLASS,
      capacity: { storage: spec.resources?.requests?.storage ?? '1Gi' },
      accessModes: spec.accessModes ?? ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      hostPath: { path },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
      },
    },
  };
  await client.create(volume, MANAGER, signal).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

/** Deletes a volume and its data when its claim is gone. */
export async function reclaim(
  client: KubeClient,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const { spec, status, metadata } = volume;
  const released = status?.phase === 'Released' || status?.phase === 'Failed';
  if (
    spec?.storageClassName !== STORAGE_CLASS ||
    !released ||
    spec.persistentVolumeReclaimPolicy !== 'Delete'
  )
    return;
  if (spec.hostPath) await rm(spec.hostPath.path, { recursive: true, force: true });
  await client
    .delete(kinds.PersistentVolume, undefined, metadata.name, { uid: metadata.uid }, signal)
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}
