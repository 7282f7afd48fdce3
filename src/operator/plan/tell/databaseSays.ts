import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import type { DatabaseCause } from './databaseCause.ts';

/** What is wrong with the access to the database, where, and what mends it. */
export function databaseSays(reason: DatabaseCause['reason'], resource: WhatsAppDeployment): string {
  const { external } = resource.spec.database;
  const { host, port, secretName } = databaseAddress(resource);
  const cluster = clusterChoice(resource);
  if (cluster) return clusterSays(reason, resource, `${cluster.kind} ${cluster.name}`);
  const field = `spec.database.${external ? 'external' : 'managed'}`;
  const server = `${host}:${port}`;
  const keys = `Secret ${secretName}, keys username and password`;
  switch (reason) {
    case 'DatabaseHostUnknown':
      return `the host name ${host} has no address; correct ${external ? `${field}.host` : 'the DNS of the cluster'}`;
    case 'DatabaseConnectionRefused':
      return `nothing accepts connections at ${server}; start the database, or correct ${external ? `${field}.host and ${field}.port` : 'what blocks the connection'}`;
    case 'DatabaseNoAnswer':
      return `${server} does not answer; look for a firewall or a NetworkPolicy between this namespace and the database`;
    case 'DatabaseOtherEngine':
      return `another kind of server listens at ${server}; correct ${external ? `${field}.engine, host and port` : 'what answers at this name'}`;
    case 'DatabaseConnectionsFew':
      return `${server} has too few free connections for all pods of the stack; raise max_connections of the server or the limit of the user in Secret ${secretName}, key username, or lower the number of Coreapps, Masters or Webapps`;
    case 'DatabaseTlsFailed':
      return `the encryption between the stack and ${server} fails; ${external ? `correct the CA or the mode in ${field}.tls, or the certificate of the server` : `read the log of the database, or set ${field}.tls.mode to Disable`}`;
    case 'DatabaseLoginRefused':
      return `${server} refuses the login; correct the user or its password in ${keys}`;
    case 'DatabaseRightsMissing':
      return `the user in Secret ${secretName}, key username, lacks a right on ${server}; grant it the right to create databases and to own their tables`;
  }
}

/** The same of a cluster that another operator runs. */
function clusterSays(reason: DatabaseCause['reason'], resource: WhatsAppDeployment, cluster: string): string {
  const { host, port, secretName, userKey, caSecret } = databaseAddress(resource);
  const server = `${host}:${port}`;
  switch (reason) {
    case 'DatabaseHostUnknown':
      return `the host name ${host} has no address; look whether the operator of ${cluster} has made its Service`;
    case 'DatabaseConnectionRefused':
    case 'DatabaseNoAnswer':
      return `${server} does not answer; look at the state of ${cluster}, and for a NetworkPolicy between this namespace and its pods`;
    case 'DatabaseOtherEngine':
      return `another kind of server listens at ${server}; correct the Service of ${cluster}`;
    case 'DatabaseConnectionsFew':
      return `${server} has too few free connections for all pods of the stack; raise max_connections in ${cluster} or the limit of the user in Secret ${secretName}, key ${userKey}, or lower the number of Coreapps, Masters or Webapps`;
    case 'DatabaseTlsFailed':
      return `the encryption between the stack and ${server} fails; Secret ${caSecret?.name}, key ${caSecret?.key}, must hold the CA of the certificates of ${cluster}, and these must be for ${host}`;
    case 'DatabaseLoginRefused':
      return `${server} refuses the login; correct the user or its password in Secret ${secretName}`;
    case 'DatabaseRightsMissing':
      return `the user in Secret ${secretName}, key ${userKey}, lacks a right on ${server}; grant it the right to create databases (for CloudNativePG, createdb: true of the user in spec.managed.roles of ${cluster})`;
  }
}
