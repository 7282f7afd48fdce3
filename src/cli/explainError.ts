import { describeError } from '../base/codedError.ts';
import { ApiError, isForbidden, TransportError } from '../engine/kube/apiError.ts';
import { BACKUP_KIND, BACKUP_PLURAL } from '../operator/resource/whatsAppBackup.ts';
import { KIND } from '../operator/resource/whatsAppDeployment.ts';
import { FLEET_KIND, FLEET_PLURAL } from '../operator/resource/whatsAppFleet.ts';

/**
 * The text of a failed command: what is wrong, and what to do where the error does not say so itself.
 * @param server URL of the API server, if the command got as far as to know it
 */
export function explainError(error: unknown, server = 'the Kubernetes API server'): string {
  if (error instanceof TransportError) return noAnswer(error, server);
  if (error instanceof ApiError && error.status === 401)
    return `${server} does not accept the credentials of the kubeconfig; log in again, or select another context with --context`;
  if (isForbidden(error))
    return `${messageOf(error)}; ask an administrator of the cluster for this permission`;
  // The path of a kind that the API server does not know answers with 404 and without details.
  if (isUnknownKind(error)) return unknownKind(messageOf(error));
  return messageOf(error);
}

/** Kinds that older installations lack, by the plural in the path. */
const LATER_KINDS: Readonly<Record<string, string>> = {
  [BACKUP_PLURAL]: BACKUP_KIND,
  [FLEET_PLURAL]: FLEET_KIND,
};

function unknownKind(message: string): string {
  const [, later] = Object.entries(LATER_KINDS).find(([plural]) => message.includes(`/${plural}`)) ?? [];
  return later === undefined
    ? `the cluster has no ${KIND} kind; install the operator and its CRDs, see docs/install.md`
    : `the cluster has no ${later} kind; upgrade the operator and its CRDs, see docs/install.md`;
}

/** Codes of Node.js for a server certificate that does not lead to the CA of the kubeconfig. */
const UNTRUSTED =
  /^(UNABLE_TO_\w+|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE)$/;

function noAnswer(error: TransportError, server: string): string {
  const reason = describeError(error.cause);
  const code = codeOf(error.cause) ?? '';
  if (code === 'ECONNREFUSED')
    return `nothing listens at ${server} (connection refused); check that the cluster runs and that the context names the right one`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `unknown host: ${reason}, for ${server}; check the server in the kubeconfig, the DNS and the VPN`;
  if (UNTRUSTED.test(code))
    return `the certificate of ${server} is not trusted: ${reason}; the cluster has another CA than the kubeconfig, so fetch the kubeconfig anew`;
  return `${server} does not answer: ${reason}; check that the cluster runs and that the kubeconfig names it`;
}

/** The code of the first error in the chain of causes that has one of Node.js. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : codeOf(error.cause);
}

export const isUnknownKind = (error: unknown): boolean =>
  error instanceof ApiError &&
  error.status === 404 &&
  error.message.includes('/waba-operator.dev/') &&
  error.details.name === undefined;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
