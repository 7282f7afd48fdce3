import type { Observation, PodView } from '../facts/observed.ts';
import { type PodSecret, podSecrets } from '../facts/podSecrets.ts';
import { isAwaited } from './questions.ts';

/** A Secret that a pod waits for, in words: a sentence part. Kubernetes does not say which field of spec named it. */
export function missingForPod(pod: PodView, observed: Observation): string | undefined {
  // A pod that runs has got its Secrets.
  if (!isAwaited(pod) || pod.ready || pod.runningSinceMs !== undefined) return undefined;
  const { resource, stacks } = observed;
  const told = podSecrets(resource, stacks)
    .filter(
      ({ component, isForImages }) => component === pod.component && isForImages === isWithoutImage(pod),
    )
    .flatMap((use) => problemOf(use, observed) ?? []);
  if (told.length === 0) return undefined;
  const says = pod.problem ? ` (${pod.problem.text})` : '';
  return `Pod ${pod.name} of role ${pod.component} waits: ${[...new Set(told)].join('; ')}${says}`;
}

/** Without its credentials, a public image is pulled all the same. */
const isWithoutImage = ({ problem }: PodView): boolean => problem?.reason === 'ImagePullFailed';

function problemOf(
  { name, keys, field, stack, isForImages }: PodSecret,
  { referenced, resource }: Observation,
): string | undefined {
  const { namespace } = resource.metadata;
  const secret = referenced.get(name);
  // An observer who did not look says nothing.
  if (!secret) return undefined;
  const where = stack === resource.metadata.name ? field : `${field} of WhatsAppDeployment ${stack}`;
  const create = isForImages
    ? `kubectl -n ${namespace} create secret docker-registry ${name} --docker-server=SERVER --docker-username=USER --docker-password=PASSWORD`
    : `kubectl -n ${namespace} create secret generic ${name} --from-literal=${keys[0] ?? 'KEY'}=VALUE`;
  if (!secret.data) return `Secret ${name} does not exist (${where}); create it: ${create}`;
  const [absent] = keys.filter((key) => secret.data?.[key] === undefined);
  return absent === undefined
    ? undefined
    : `Secret ${name} has no key ${absent} (${where}); add it: kubectl -n ${namespace} patch secret ${name} --type merge -p '{"stringData":{"${absent}":"VALUE"}}'`;
}
