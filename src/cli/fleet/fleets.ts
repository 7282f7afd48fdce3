import { CodedError } from '../../base/codedError.ts';
import { isConflict, isNotFound } from '../../engine/kube/apiError.ts';
import { parseWhatsAppFleet, type WhatsAppFleet } from '../../operator/resource/whatsAppFleet.ts';
import { WhatsAppFleetKind } from '../../operator/state/stackSources.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isUnknownKind } from '../explainError.ts';
import { closest } from '../stack/closest.ts';
import { understood } from '../stack/understood.ts';

/** @throws CodedError `NotFound`, `NotUnderstood` */
export async function getFleet(
  access: ClusterAccess,
  name: string,
  context: CliContext,
): Promise<WhatsAppFleet> {
  const { client, namespace } = access;
  const object = await client
    .get(WhatsAppFleetKind, namespace, name, context.signal)
    .catch(async (error: unknown) => {
      if (!isNotFound(error) || isUnknownKind(error)) throw error;
      const fleets = await listFleets(access, {}, context).catch(() => []);
      const near = closest(
        name,
        fleets.map(({ metadata }) => metadata.name),
      );
      throw new CodedError(
        'NotFound',
        `no WhatsAppFleet ${name} in namespace ${namespace}; ${near ? `did you mean ${near}? ` : ''}list them with \`kubectl waba fleet status -A\``,
      );
    });
  return understood(object, parseWhatsAppFleet);
}

export async function listFleets(
  { client, namespace }: ClusterAccess,
  { allNamespaces = false }: { readonly allNamespaces?: boolean },
  { signal }: CliContext,
): Promise<WhatsAppFleet[]> {
  const { items } = await client.list(WhatsAppFleetKind, allNamespaces ? {} : { namespace }, signal);
  return items.map((object) => understood(object, parseWhatsAppFleet));
}

/** Merges fields into the spec of a fleet as it was read. @throws CodedError `Changed` */
export async function patchFleet(
  { client }: ClusterAccess,
  { metadata }: WhatsAppFleet,
  spec: object,
  { signal }: CliContext,
): Promise<void> {
  const { namespace, name, resourceVersion } = metadata;
  const patch = { metadata: { resourceVersion }, spec };
  await client
    .mergePatch(WhatsAppFleetKind, { namespace, name, fieldManager: 'kubectl-waba' }, patch, signal)
    .catch((error: unknown) => {
      if (!isConflict(error)) throw error;
      throw new CodedError('Changed', `WhatsAppFleet ${name} changed meanwhile; run the command again`);
    });
}
