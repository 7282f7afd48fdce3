import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import type { DatabaseCause } from './databaseCause.ts';

/** What is wrong with the access to the database, where, and what mends it. */
export function databaseSays(reason: DatabaseCause['reason'], resource: WhatsAppDeployment): string {
  const { external } = resource.spec.database;
  const { host, port, secretName } = databaseAddress(resource);
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
