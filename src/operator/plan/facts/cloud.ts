import { GATEWAY_PORTS } from '../../../cloud/gatewayStatus.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { CLOUD_KEYS } from './generatedSecrets.ts';
import { names } from './names.ts';
import { isServing, type Observation } from './observed.ts';

/** What several parts know of the Cloud API behind a stack. */

type Spec = Pick<WhatsAppDeployment['spec'], 'cloud'>;
type Named = { readonly metadata: Pick<WhatsAppDeployment['metadata'], 'name' | 'namespace'> };

/** The Secrets that the user names, by field. */
export const cloudSecretRefs = ({ cloud }: Spec) => ({
  accessTokenSecretRef: cloud?.accessTokenSecretRef,
  appSecretRef: cloud?.appSecretRef,
  verifyTokenSecretRef: cloud?.verifyTokenSecretRef,
});

/** Where the verify token is: with the user, or generated. */
export const verifyTokenPlace = (
  resource: Named & { readonly spec: Spec },
): { readonly name: string; readonly key: string } =>
  resource.spec.cloud?.verifyTokenSecretRef ?? {
    name: names(resource.metadata.name).cloudSecret,
    key: CLOUD_KEYS.verifyToken,
  };

export const controlTokenPlace = ({ metadata }: Named) => ({
  name: names(metadata.name).cloudSecret,
  key: CLOUD_KEYS.controlToken,
});

/** Where the nodes of a stack find their gateway. */
export const gatewayUrl = ({ metadata }: Named): string =>
  `tcp://${names(metadata.name).gateway}.${metadata.namespace}.svc:${GATEWAY_PORTS.sessions}`;

/** Where the Cloud API posts; undefined if somebody subscribes by hand. */
export function webhookUrl({ cloud }: Spec): string | undefined {
  const { url, httpRoute, ingress } = cloud?.webhook ?? {};
  const route = httpRoute ?? ingress;
  return url ?? (route && `https://${route.hostnames[0]}${route.path}`);
}

/** The address of the gateway's pod, once it is ready. */
export const gatewayAddress = ({ pods }: Pick<Observation, 'pods'>): string | undefined =>
  pods.find((pod) => isServing(pod, 'gateway') && pod.ip)?.ip;
