import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import {
  CLUSTER_FIELDS,
  type ClusterField,
  databaseClusters,
  type PublishedLogin,
} from '../../resource/databaseClusters.ts';
import { clusterPublishers } from './clusterPublishers.ts';
import { CLUSTER_CERTIFICATE } from './generatedSecrets.ts';
import { names } from './names.ts';

/** The cluster of another operator that a stack chose. */
export interface ClusterChoice {
  readonly field: ClusterField;
  readonly kind: string;
  /** Name of the object. */
  readonly name: string;
  /** The operator creates it. */
  readonly isOurs: boolean;
  /** Name of the Secret with the user that a person chose for the stack. */
  readonly loginSecret: string | undefined;
  /** The Secrets that the operator generates for the cluster that it creates. */
  readonly own: OwnSecrets | undefined;
}

type OwnSecrets = Partial<Pick<PublishedLogin, 'secretName' | 'caSecret'>>;

/** CloudNativePG makes a user and a CA itself; MariaDB Operator makes a CA. */
const OWN_SECRETS: Partial<Record<ClusterField, (stack: string) => OwnSecrets>> = {
  mysqlOperator: (stack) => ({
    secretName: names(stack).clusterRootSecret,
    caSecret: { name: names(stack).clusterCertificateSecret, key: CLUSTER_CERTIFICATE.ca },
  }),
  mariadbOperator: (stack) => ({ secretName: names(stack).clusterLoginSecret }),
};

/** What is known of the object of a cluster. */
export interface ClusterView {
  /** `Off`: the installation does not let us look. `Absent`: the API server does not know the kind. */
  readonly access: 'Off' | 'Absent' | 'Served';
  readonly object: KubeObject | undefined;
}

/** Takes resources as they are stored. */
interface Stored {
  readonly metadata: { readonly name: string };
  readonly spec?: unknown;
}
interface Options {
  readonly name?: string;
  readonly credentialsSecretRef?: { readonly name: string };
}

export function clusterChoice({ metadata, spec }: Stored): ClusterChoice | undefined {
  const database = ((spec ?? {}) as { readonly database?: Partial<Record<ClusterField, Options>> }).database;
  const field = CLUSTER_FIELDS.find((name) => database?.[name] !== undefined);
  if (!field) return undefined;
  const options = database?.[field];
  return {
    field,
    kind: databaseClusters[field].kind,
    name: options?.name ?? clusterName(metadata.name),
    isOurs: options?.name === undefined,
    loginSecret: options?.credentialsSecretRef?.name,
    own: options?.name === undefined ? OWN_SECRETS[field]?.(metadata.name) : undefined,
  };
}

/** Other operators name ServiceAccounts after their clusters, and that of the stack has the name of the stack. */
export const clusterName = (stack: string): string => `${stack}-db`;

/** How a stack connects to its cluster: by what the object says, or before it is there, as its operator names things. */
export const publishedLogin = (choice: ClusterChoice, object?: KubeObject): PublishedLogin => {
  const published = clusterPublishers[choice.field].login(
    object ?? ({ metadata: { name: choice.name } } as KubeObject),
  );
  return {
    ...published,
    ...choice.own,
    ...(choice.loginSecret === undefined
      ? {}
      : { secretName: choice.loginSecret, userKey: 'username', passwordKey: 'password' }),
  };
};
