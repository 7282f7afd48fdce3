import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { Progress, Step } from '../../local/progress.ts';
import { inStep } from '../inStep.ts';
import { answers, runProgram } from '../program.ts';

export interface KindOptions {
  readonly name: string;
  /** Number of worker nodes besides the control plane. */
  readonly workers: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
}

/** Path on the nodes of the folder that they share. */
const SHARED = '/var/lib/waba-shared';
/** Number of media volumes; each stack needs one. */
const MEDIA_VOLUMES = 6;

const folderOf = ({ name, env }: Pick<KindOptions, 'name' | 'env'>): string =>
  join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'waba-operator', 'kind', name);
const kubeconfigOf = (options: Pick<KindOptions, 'name' | 'env'>): string =>
  join(folderOf(options), 'kubeconfig');

/** Whether Docker runs and kind is installed. */
export const isKindThere = async (signal: AbortSignal): Promise<boolean> =>
  (await answers('docker', ['version', '--format', '{{.Server.Version}}'], signal)) &&
  (await answers('kind', ['version'], signal));

/**
 * Starts a kind cluster, unless it runs already, with its own kubeconfig file. All nodes share one folder, because kind
 * has no storage that several nodes can write to. `KIND_NODE_IMAGE` selects the node image.
 */
export async function kindUp(options: KindOptions, signal: AbortSignal): Promise<{ kubeconfig: string }> {
  const { name, env, progress } = options;
  const kubeconfig = kubeconfigOf(options);
  const start = async (step: Pick<Step, 'update'>): Promise<boolean> => {
    const known = (await runProgram('kind', ['get', 'clusters'], { env }, signal)).split('\n');
    if (!known.includes(name)) {
      await createCluster(options, step, signal);
      return false;
    }
    const args = ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfig];
    await runProgram('kind', args, { env }, signal);
    return true;
  };
  await inStep(progress, `starting kind cluster ${name}`, start, (wasRunning) =>
    wasRunning ? 'runs already' : undefined,
  );
  return { kubeconfig };
}

async function createCluster(
  options: KindOptions,
  step: Pick<Step, 'update'>,
  signal: AbortSignal,
): Promise<void> {
  const { name, workers, env } = options;
  const shared = join(folderOf(options), 'shared');
  for (let index = 0; index < MEDIA_VOLUMES; index++) {
    const folder = join(shared, volumeName(index));
    await mkdir(folder, { recursive: true });
    // Pods write to it as users that this machine does not have.
    await chmod(folder, 0o777);
  }
  const extraMounts = [{ hostPath: shared, containerPath: SHARED }];
  const nodes = [
    { role: 'control-plane', extraMounts },
    ...Array.from({ length: workers }, () => ({ role: 'worker', extraMounts })),
  ];
  const config = join(folderOf(options), 'kind.yaml');
  await writeFile(config, dump({ kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4', nodes }));
  const image = env.KIND_NODE_IMAGE ? ['--image', env.KIND_NODE_IMAGE] : [];
  const args = ['create', 'cluster', '--name', name, '--config', config];
  const flags = ['--kubeconfig', kubeconfigOf(options), '--wait', '180s', ...image];
  const onLine = (line: string) => step.update(line);
  await runProgram('kind', [...args, ...flags], { env, onLine }, signal);
}

/** Loads images of this machine onto the nodes. */
export async function loadImages(
  { name, env, progress }: KindOptions,
  images: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await inStep(progress, `loading ${images.length} images onto the nodes`, () =>
    runProgram('kind', ['load', 'docker-image', '--name', name, ...images], { env }, signal),
  );
}

/** Creates PersistentVolumes in the shared folder, for the media of stacks. */
export async function makeMediaVolumes(client: KubeClient, signal: AbortSignal): Promise<void> {
  for (let index = 0; index < MEDIA_VOLUMES; index++) {
    await client.apply(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: volumeName(index), labels: { 'app.kubernetes.io/part-of': 'waba-kind' } },
        spec: {
          // The default class of kind, so that claims without a class bind to them.
          storageClassName: 'standard',
          accessModes: ['ReadWriteMany'],
          capacity: { storage: '10Gi' },
          persistentVolumeReclaimPolicy: 'Retain',
          hostPath: { path: `${SHARED}/${volumeName(index)}`, type: 'Directory' },
        },
      },
      { fieldManager: 'waba-kind', force: true },
      signal,
    );
  }
}

export async function kindDown(options: KindOptions, signal: AbortSignal): Promise<void> {
  const { name, env, progress } = options;
  await inStep(progress, `removing kind cluster ${name}`, async () => {
    const args = ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfigOf(options)];
    await runProgram('kind', args, { env }, signal);
    await rm(folderOf(options), { recursive: true, force: true });
  });
}

const volumeName = (index: number): string => `waba-media-${index}`;
