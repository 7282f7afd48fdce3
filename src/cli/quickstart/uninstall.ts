import { sleep } from '../../base/clock.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import { type KubeObject, kindOf, kinds } from '../../engine/kube/kubeObject.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import { inStep } from '../inStep.ts';
import { manifests, POLL_MS, type QuickstartOptions, readObjects } from './quickstart.ts';
import { RECEIVER } from './quickstartReceiver.ts';

/** Removes the objects of the quickstart from a cluster that the quickstart did not create. */
export async function uninstall(options: QuickstartOptions, signal: AbortSignal): Promise<void> {
  const { namespace, projectFolder, progress } = options;
  const paths = manifests(projectFolder);
  const ours = (kind: 'Deployment' | 'Service' | 'Secret' | 'RoleBinding', name: string): KubeObject => ({
    apiVersion: kinds[kind].apiVersion,
    kind,
    metadata: { name, namespace },
  });
  await inStep(progress, 'removing the objects of the quickstart', async () => {
    // The stack goes before the operator, because the operator deletes the data of the stack.
    for (const object of await readObjects(paths.example)) await removeStack(options, object, signal);
    const others = [
      ...(['Deployment', 'Service', 'Secret'] as const).map((kind) => ours(kind, RECEIVER)),
      ours('RoleBinding', 'waba-operator'),
      ...(await readObjects(paths.install)).reverse(),
    ];
    for (const object of others) await remove(options, object, signal);
  });
}

/** Deletes a stack with its data, and waits until it is gone. */
async function removeStack(
  options: QuickstartOptions,
  object: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const { client, namespace, clock } = options;
  await client
    .mergePatch(WhatsAppDeploymentKind, object.metadata, { spec: { deletionPolicy: 'Delete' } }, signal)
    .catch(() => {});
  await remove(options, object, signal);
  while (
    await client.get(WhatsAppDeploymentKind, namespace, object.metadata.name, signal).catch(() => undefined)
  )
    await sleep(clock, POLL_MS, signal);
}

async function remove({ client }: QuickstartOptions, object: KubeObject, signal: AbortSignal): Promise<void> {
  const { namespace, name } = object.metadata;
  await client
    .delete(kindOf(object), namespace, name, { propagation: 'Foreground' }, signal)
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}
