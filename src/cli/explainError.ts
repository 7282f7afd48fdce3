import { describeError } from '../base/codedError.ts';
import { ApiError, isForbidden, TransportError } from '../engine/kube/apiError.ts';
import { BACKUP_PLURAL } from '../operator/resource/whatsAppBackup.ts';

/** The text of a failed command: what is wrong, and what to do where the error does not say so itself. */
export function explainError(error: unknown): string {
  if (error instanceof TransportError)
    return `the Kubernetes API server does not answer: ${describeError(error)}; check that the cluster runs and that the kubeconfig names it`;
  if (isForbidden(error))
    return `${messageOf(error)}; ask an administrator of the cluster for this permission`;
  // The path of a kind that the API server does not know answers with 404 and without details.
  if (isUnknownKind(error))
    return messageOf(error).includes(`/${BACKUP_PLURAL}`)
      ? 'the cluster has no WhatsAppBackup kind; upgrade the operator and its CRDs, see docs/install.md'
      : 'the cluster has no WhatsAppDeployment kind; install the operator and its CRDs, see docs/install.md';
  return messageOf(error);
}

export const isUnknownKind = (error: unknown): boolean =>
  error instanceof ApiError &&
  error.status === 404 &&
  error.message.includes('/waba-operator.dev/') &&
  error.details.name === undefined;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
