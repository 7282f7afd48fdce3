import { MEDIA_PATH, SCRIPTS } from '../../../onprem/environment.ts';
import { names } from '../facts/names.ts';
import type { PinnedRelease } from '../facts/release.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import type { NodeInputs, PodRelease } from './nodeInputs.ts';
import type { PodInput } from './podTemplate.ts';
import { databaseCertificates } from './stackEnvironment.ts';

/** A container that starts is asked each second for ten minutes: a Coreapp that creates its schema answers late. */
export const STARTING = { periodSeconds: 1, failureThreshold: 600 };
/** A pod is in use within 2 s of being able to serve, and out of use after 16 s of not answering. */
export const SERVING = { periodSeconds: 2, failureThreshold: 8 };

/** The absolute path to the wait script: the default command of the images fails on newer runtimes. */
export const startCommand = (inputs: NodeInputs): string[] => [
  databaseAddress(inputs).engine === 'MYSQL' ? SCRIPTS.waitOnMysql : SCRIPTS.waitOnPostgres,
  SCRIPTS.launch,
];

/** The image of a role: the one in `spec.images`, or the one of the release. */
export const imageOf = (
  { spec: { images } }: NodeInputs,
  release: PinnedRelease,
  image: 'webapp' | 'coreapp',
): string => images?.[image] ?? release.stack;

/** What the pods of Webapps, Masters, Coreapps and the schema Job have in common. */
export const commonPod = ({
  metadata,
  spec,
}: NodeInputs): Pick<PodInput, 'stack' | 'version' | 'imagePullSecrets' | 'vendor'> => ({
  stack: metadata.name,
  version: spec.version,
  imagePullSecrets: spec.imagePullSecrets,
  vendor: spec.stack === 'OnPremises',
});

/** The media folder, and the files for TLS to the database. */
export function nodeVolumes(
  inputs: NodeInputs,
  release: PodRelease,
): Pick<Required<PodInput>, 'volumes'> & {
  readonly volumeMounts: readonly Record<string, unknown>[];
} {
  const { metadata, spec } = inputs;
  const certificates = databaseCertificates(inputs, release);
  const claimName = spec.media?.claimName ?? names(metadata.name).mediaClaim;
  return {
    volumes: [{ name: 'media', persistentVolumeClaim: { claimName } }, ...certificates.volumes],
    volumeMounts: [{ name: 'media', mountPath: MEDIA_PATH }, ...certificates.volumeMounts],
  };
}
