import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { ClusterField, PublishedLogin } from '../../resource/databaseClusters.ts';

interface ClusterState {
  /** A server takes writes. */
  readonly isServing: boolean;
  /** The state, in the words of the other operator. */
  readonly words: string;
  /** What the cluster lacks for a stack, and what mends it; undefined if nothing. */
  readonly lack?: string | undefined;
}

interface Publisher {
  login(object: KubeObject): PublishedLogin;
  state(object: KubeObject): ClusterState;
}

interface PostgresCluster extends KubeObject {
  readonly spec?: {
    readonly instances?: number;
    readonly bootstrap?: Readonly<
      Record<string, { readonly secret?: { readonly name?: string } } | undefined>
    >;
    readonly certificates?: { readonly serverCASecret?: string };
    readonly postgresql?: {
      readonly synchronous?: {
        readonly number?: number;
        readonly dataDurability?: string;
        readonly standbyNamesPre?: readonly string[];
        readonly standbyNamesPost?: readonly string[];
      };
    };
  };
  readonly status?: {
    readonly phase?: string;
    readonly phaseReason?: string;
    readonly readyInstances?: number;
    /** Names of the pods by their state. */
    readonly instancesStatus?: { readonly healthy?: readonly string[] };
    readonly currentPrimary?: string;
    readonly targetPrimary?: string;
  };
}

/** Instances that must be there for a write: the primary, and the standbys that confirm it. */
function neededForWrites({ spec }: PostgresCluster): number {
  const {
    number = 0,
    dataDurability,
    standbyNamesPre,
    standbyNamesPost,
  } = spec?.postgresql?.synchronous ?? {};
  // Servers outside of the cluster may confirm too.
  const mayBeOutside = [standbyNamesPre, standbyNamesPost].some((names) => names?.length);
  return dataDurability === 'preferred' || mayBeOutside ? 1 : number + 1;
}

/** As in the source of cloudnative-pg v1.30, `api/v1/cluster_funcs.go` and `cluster_types.go`. */
const cloudNativePG: Publisher = {
  login(object) {
    const { metadata, spec } = object as PostgresCluster;
    const { name } = metadata;
    const { recovery, pg_basebackup: copied, initdb } = spec?.bootstrap ?? {};
    const own = [recovery, copied, initdb].map((from) => from?.secret?.name).find(Boolean);
    return {
      service: `${name}-rw`,
      secretName: own ?? `${name}-app`,
      userKey: 'username',
      passwordKey: 'password',
      caSecret: { name: spec?.certificates?.serverCASecret || `${name}-ca`, key: 'ca.crt' },
    };
  },
  state(object) {
    const { spec, status } = object as PostgresCluster;
    const {
      phase,
      phaseReason,
      readyInstances = 0,
      instancesStatus,
      currentPrimary,
      targetPrimary,
    } = status ?? {};
    if (!phase) return { isServing: false, words: 'CloudNativePG has not looked at it yet' };
    const instances = `${readyInstances} of ${spec?.instances ?? 1} instances are ready`;
    const primary = currentPrimary ? `, the primary is ${currentPrimary}` : '';
    const healthy = instancesStatus?.healthy ?? [];
    const needed = neededForWrites(object);
    const few = healthy.length < needed ? `, and a write needs ${needed}` : '';
    return {
      // During a failover or a switchover the target is another instance, or "pending". Before CloudNativePG has chosen one, it
      // sets the target back to the lost primary between two attempts, but counts that one's pod no longer as healthy.
      isServing:
        currentPrimary !== undefined &&
        currentPrimary === targetPrimary &&
        healthy.includes(currentPrimary) &&
        few === '',
      words: `${phase}${phaseReason ? ` (${phaseReason})` : ''}; ${instances}${few}${primary}`,
    };
  },
};

interface InnoDBCluster extends KubeObject {
  readonly spec?: {
    readonly secretName?: string;
    readonly instances?: number;
    readonly tlsUseSelfSigned?: boolean;
    readonly tlsCASecretName?: string;
  };
  readonly status?: {
    readonly cluster?: { readonly status?: string; readonly onlineInstances?: number };
  };
}

/** As in the source of mysql-operator 9.1.0-2.2.2, `innodbcluster/cluster_api.py`, `sidecar_main.py` and `diagnose.py`. */
const mysqlOperator: Publisher = {
  login(object) {
    const { metadata, spec } = object as InnoDBCluster;
    const { name } = metadata;
    return {
      // The routers, which lead to the primary.
      service: name,
      secretName: spec?.secretName ?? `${name}-root`,
      userKey: 'rootUser',
      passwordKey: 'rootPassword',
      caSecret: { name: spec?.tlsCASecretName ?? `${name}-ca`, key: 'ca.pem' },
    };
  },
  state(object) {
    const { metadata, spec, status } = object as InnoDBCluster;
    const { status: state, onlineInstances = 0 } = status?.cluster ?? {};
    const words = state
      ? `${state}; ${onlineInstances} of ${spec?.instances ?? 1} instances are online`
      : 'MySQL Operator has not looked at it yet';
    return {
      isServing: /^ONLINE/.test(state ?? ''),
      words,
      lack: spec?.tlsUseSelfSigned
        ? `nobody publishes the CA of a cluster with spec.tlsUseSelfSigned, so the stack could not verify it; give InnoDBCluster ${metadata.name} certificates (spec.tlsCASecretName, spec.tlsSecretName and spec.router.tlsSecretName), or use database.external, where you decide about TLS`
        : undefined,
    };
  },
};

interface MariaDB extends KubeObject {
  readonly spec?: {
    readonly tls?: { readonly enabled?: boolean };
    readonly galera?: { readonly enabled?: boolean };
    readonly replication?: { readonly enabled?: boolean };
  };
  readonly status?: {
    readonly currentPrimary?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

/** As in the source of mariadb-operator v26.6, `api/v1alpha1/mariadb_keys.go` and `pkg/condition`. */
const mariadbOperator: Publisher = {
  login(object) {
    const { metadata, spec } = object as MariaDB;
    const { name } = metadata;
    const hasPrimary = spec?.galera?.enabled || spec?.replication?.enabled;
    return {
      service: hasPrimary ? `${name}-primary` : name,
      // The Secrets that it publishes hold no names of users: whoever refers to a MariaDB names a Secret.
      secretName: `${name}-password`,
      userKey: 'username',
      passwordKey: 'password',
      caSecret: { name: `${name}-ca-bundle`, key: 'ca.crt' },
    };
  },
  state(object) {
    const { metadata, spec, status } = object as MariaDB;
    const find = (type: string) => status?.conditions?.find((condition) => condition.type === type);
    const ready = find('Ready');
    const primary = status?.currentPrimary ? `; the primary is ${status.currentPrimary}` : '';
    return {
      isServing: ready?.status === 'True' && find('PrimarySwitched')?.status !== 'False',
      words: ready
        ? `${ready.message ?? ready.status}${primary}`
        : 'MariaDB Operator has not looked at it yet',
      lack:
        spec?.tls?.enabled === false
          ? `TLS is switched off in MariaDB ${metadata.name}; set its spec.tls.enabled to true, or use database.external, where you decide about TLS`
          : undefined,
    };
  },
};

/** What each operator publishes. */
export const clusterPublishers: Readonly<Record<ClusterField, Publisher>> = {
  cloudNativePG,
  mysqlOperator,
  mariadbOperator,
};
