import type { ManagedEngine } from '../../resource/managedEngines.ts';

/** How a person sets the password of the stack's account. No command has it among its arguments. */
export function passwordChange(engine: ManagedEngine, inPod: string, user: string): string {
  if (engine === 'PostgreSQL') return `${inPod} psql -U ${user} -d postgres -c '\\password'`;
  const client = engine === 'MySQL' ? 'mysql' : 'mariadb';
  // Clients in the pod are at localhost, and the images make root twice.
  const hosts = user === 'root' ? ['%', 'localhost'] : ['%'];
  const accounts = hosts.map((host) => `'${user}'@'${host}' IDENTIFIED BY 'the new password'`);
  return `${inPod} ${client} -u ${user} -p, and there ALTER USER ${accounts.join(', ')}`;
}
