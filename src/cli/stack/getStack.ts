import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { APPROVED_GENERATION } from '../../operator/plan/facts/names.ts';
import {
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isUnknownKind } from '../explainError.ts';
import { closest } from './closest.ts';
import { understood } from './understood.ts';

/** @throws CodedError `NotFound`, `NotUnderstood` */
export const getStack = async (
  access: ClusterAccess,
  name: string,
  context: CliContext,
): Promise<WhatsAppDeployment> => parseStack(await findStack(access, name, context.signal));

/** The stored object, also if this version does not understand it. @throws CodedError `NotFound` */
export async function findStack(
  access: ClusterAccess,
  name: string,
  signal: AbortSignal,
): Promise<KubeObject> {
  return access.client
    .get<KubeObject>(WhatsAppDeploymentKind, access.namespace, name, signal)
    .catch(async (error: unknown) => {
      if (!isNotFound(error) || isUnknownKind(error)) throw error;
      const near = closest(name, await stackNames(access, signal).catch(() => []));
      throw new CodedError(
        'NotFound',
        `no WhatsAppDeployment ${name} in namespace ${access.namespace}; ${near ? `did you mean ${near}? ` : ''}list them with \`kubectl waba status -A -o wide\` and select the namespace with -n`,
      );
    });
}

export async function listStacks(
  access: ClusterAccess,
  context: CliContext,
  options: { readonly allNamespaces?: boolean; readonly selector?: string } = {},
): Promise<WhatsAppDeployment[]> {
  const { items } = await access.client.list(
    WhatsAppDeploymentKind,
    {
      ...(options.allNamespaces ? {} : { namespace: access.namespace }),
      ...(options.selector ? { labelSelector: options.selector } : {}),
    },
    context.signal,
  );
  return items.map(parseStack);
}

/** Names of the stacks in the namespace, also of those that this version does not understand. */
export async function stackNames(
  { client, namespace }: ClusterAccess,
  signal: AbortSignal,
): Promise<string[]> {
  const { items } = await client.list(WhatsAppDeploymentKind, { namespace }, signal);
  return items.map(({ metadata }) => metadata.name);
}

/** A condition that the operator computed for this generation or a later one. */
export const conditionOf = ({ status }: WhatsAppDeployment, type: string, generation: number) =>
  status?.conditions?.find(
    (condition) => condition.type === type && (condition.observedGeneration ?? 0) >= generation,
  );

export const isReady = (stack: WhatsAppDeployment, generation = stack.metadata.generation): boolean =>
  conditionOf(stack, 'Ready', generation)?.status === 'True';

/** Merges fields into the spec. */
export const patchSpec = (
  access: ClusterAccess,
  { metadata }: WhatsAppDeployment,
  spec: object,
  context: CliContext,
) => patchStack(access, metadata, { spec }, context);

export const patchStack = (
  access: ClusterAccess,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  patch: object,
  context: CliContext,
) => access.client.mergePatch<KubeObject>(WhatsAppDeploymentKind, { namespace, name }, patch, context.signal);

export const APPROVE_OPTION = ['--approve', 'approve the change, for spec.upgrade.mode Manual'] as const;

/** Approves the generation of a resource that was patched just now. */
export const approve = (
  access: ClusterAccess,
  { metadata }: WhatsAppDeployment,
  context: CliContext,
): Promise<KubeObject> => {
  const annotations = { [APPROVED_GENERATION]: String(metadata.generation) };
  return patchStack(access, metadata, { metadata: { annotations } }, context);
};

/** @throws CodedError `NotUnderstood` */
export const parseStack = (object: KubeObject): WhatsAppDeployment =>
  understood(object, parseWhatsAppDeployment);
