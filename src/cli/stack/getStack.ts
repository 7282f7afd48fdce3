import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import {
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isUnknownKind } from '../explainError.ts';
import { understood } from './understood.ts';

/** @throws CodedError `NotFound`, `NotUnderstood` */
export async function getStack(
  access: ClusterAccess,
  name: string,
  context: CliContext,
): Promise<WhatsAppDeployment> {
  const object = await access.client
    .get(WhatsAppDeploymentKind, access.namespace, name, context.signal)
    .catch((error: unknown) => {
      if (!isNotFound(error) || isUnknownKind(error)) throw error;
      throw new CodedError(
        'NotFound',
        `no WhatsAppDeployment ${name} in namespace ${access.namespace}; list them with \`kubectl get wad -A\` and select the namespace with -n`,
      );
    });
  return parseStack(object);
}

export async function listStacks(access: ClusterAccess, context: CliContext): Promise<WhatsAppDeployment[]> {
  const { items } = await access.client.list(
    WhatsAppDeploymentKind,
    { namespace: access.namespace },
    context.signal,
  );
  return items.map(parseStack);
}

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

/** @throws CodedError `NotUnderstood` */
export const parseStack = (object: KubeObject): WhatsAppDeployment =>
  understood(object, parseWhatsAppDeployment);
