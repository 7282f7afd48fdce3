import type { ManagedFields } from '../../engine/kube/fieldOwners.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { FIELD_MANAGER, labels, MANAGED_BY, NETWORK } from '../plan/facts/names.ts';
import { KIND, type WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

/**
 * Whether an object with the name of a child belongs to this stack, so that the operator may change it. The UID of the
 * controller decides, because anybody can change a label. Data and Secrets have no controller, so that they outlive the
 * resource: they are ours by their labels, or because the operator wrote them.
 */
export const belongsTo =
  (resource: WhatsAppDeployment) =>
  ({ metadata }: KubeObject): boolean => {
    const { ownerReferences = [], managedFields = [] } = metadata;
    const controller = ownerReferences.find((owner) => owner.controller);
    if (controller) return controller.uid === resource.metadata.uid;
    if (ownerReferences.some(({ uid }) => uid === resource.metadata.uid)) return true;
    const marks = metadata.labels ?? {};
    const [[managed, operator]] = Object.entries(MANAGED_BY) as [[string, string]];
    const isMarked =
      marks[managed] === operator &&
      [resource.metadata.name, NETWORK.name].includes(marks[labels.instance] ?? '');
    return isMarked || managedFields.some((entry) => (entry as ManagedFields).manager === FIELD_MANAGER);
  };

/** The child belongs to a resource of the same name that was deleted, and is going with it. */
export const isOfPredecessor = (resource: WhatsAppDeployment, { metadata }: KubeObject): boolean => {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return (
    controller?.kind === KIND &&
    controller.name === resource.metadata.name &&
    controller.uid !== resource.metadata.uid
  );
};
