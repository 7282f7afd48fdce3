import type { EnvVar, PodInput, Resources } from './podTemplate.ts';

/** What the container of a managed database depends on. */
export interface ServerInput {
  /** Secret with the keys `username` and `password` of the account that the stack uses. */
  readonly secretName: string;
  /** Whether the server offers TLS. */
  readonly hasTls: boolean;
  /** Tag of the image, unless the user names an image of their own. */
  readonly version: string;
  /** Connections that the server must take. */
  readonly connections: number;
  readonly resources: Resources;
}

/** What differs between the containers of the engines. */
export interface DatabaseServer {
  readonly container: Required<
    Pick<PodInput['container'], 'args' | 'env' | 'ports' | 'readinessProbe' | 'livenessProbe'>
  > &
    Pick<PodInput['container'], 'startupProbe'>;
  /** Where the volume with the data is mounted. */
  readonly dataPath: string;
  /** Where the server writes its socket. */
  readonly runPath: string;
  readonly terminationGracePeriodSeconds: number;
}

export const fromSecret = (secret: string, variable: string, key: string): EnvVar => ({
  name: variable,
  valueFrom: { secretKeyRef: { name: secret, key } },
});
