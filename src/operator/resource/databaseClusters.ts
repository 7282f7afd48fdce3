/** Clusters of database servers that other operators run. */
export const CLUSTER_FIELDS = ['cloudNativePG', 'mysqlOperator', 'mariadbOperator'] as const;
/** The field of `spec.database` that chooses a cluster, and the chart value that allows it. */
export type ClusterField = (typeof CLUSTER_FIELDS)[number];

interface ClusterFacts {
  readonly operator: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** What clients speak to its servers, as `WA_DB_ENGINE` names it. */
  readonly protocol: 'PGSQL' | 'MYSQL';
  readonly engine: 'PostgreSQL' | 'MySQL' | 'MariaDB';
  readonly port: number;
  /** Further kinds of its operator, of which a created cluster has an object each. */
  readonly companions: readonly string[];
  /** Labels of the volumes of a cluster that its operator leaves behind when the cluster is deleted. */
  readonly leftClaims?: (cluster: string) => string;
}

/** What we rely on is of CloudNativePG 1.30, MySQL Operator 9.1 (2.2.2) and MariaDB Operator 26.6: decision 0053. */
export const databaseClusters: Readonly<Record<ClusterField, ClusterFacts>> = {
  cloudNativePG: {
    operator: 'CloudNativePG',
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    protocol: 'PGSQL',
    engine: 'PostgreSQL',
    port: 5432,
    companions: [],
  },
  mysqlOperator: {
    operator: 'MySQL Operator',
    apiVersion: 'mysql.oracle.com/v2',
    kind: 'InnoDBCluster',
    protocol: 'MYSQL',
    engine: 'MySQL',
    port: 3306,
    companions: [],
    leftClaims: (cluster) => `mysql.oracle.com/cluster=${cluster},component=mysqld`,
  },
  mariadbOperator: {
    operator: 'MariaDB Operator',
    apiVersion: 'k8s.mariadb.com/v1alpha1',
    kind: 'MariaDB',
    protocol: 'MYSQL',
    engine: 'MariaDB',
    port: 3306,
    companions: ['User', 'Grant'],
  },
};

/** Where a cluster publishes what its clients need. All Secrets are in its namespace. */
export interface PublishedLogin {
  /** The Service that leads to the server which takes writes. */
  readonly service: string;
  readonly secretName: string;
  readonly userKey: string;
  readonly passwordKey: string;
  readonly caSecret: { readonly name: string; readonly key: string };
}
