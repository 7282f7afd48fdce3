import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { isConflict, isNotFound } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kinds } from '../../src/engine/kube/kubeObject.ts';
import { keepNode, NODE_NAME, registerNode } from '../../src/local/processNode/nodeRegistration.ts';

const EVERY_MS = 250;

/**
 * Plays the Node of a control plane that all files of a test project share. The scheduler binds the pods of every namespace
 * to it, and a bound pod stays until its kubelet ends it: so this ends the pods that are being deleted, whoever plays the
 * rest of their lives. Resolves when the Node is there; plays until `signal` fires.
 */
export async function playNode(client: KubeClient, signal: AbortSignal): Promise<{ closed: Promise<void> }> {
  await registerNode(client, 1, systemClock, signal);
  // Files leave their pods behind.
  const room = { pods: '5000', memory: '10Ti', cpu: '5000', 'ephemeral-storage': '100Ti' };
  const status = { capacity: room, allocatable: room };
  await client.mergePatch(kinds.Node, { name: NODE_NAME, subresource: 'status' }, { status }, signal);
  void keepNode(client, 1, { clock: systemClock, logger: silentLogger }, signal);
  return { closed: endPods(client, signal) };
}

async function endPods(client: KubeClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const { items } = await client.list(kinds.Pod, {}, signal);
      for (const { metadata } of items.filter((pod) => pod.metadata.deletionTimestamp)) {
        const options = { uid: metadata.uid, gracePeriodSeconds: 0 };
        await client.delete(kinds.Pod, metadata.namespace, metadata.name, options, signal);
      }
    } catch (error) {
      if (!signal.aborted && !isNotFound(error) && !isConflict(error)) throw error;
    }
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
  }
}
