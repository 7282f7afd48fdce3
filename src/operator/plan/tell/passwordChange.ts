import type { ManagedEngine } from '../../resource/managedEngines.ts';

/** How a person sets the password of the stack's account. No command has it among its arguments. */
export function passwordChange(engine: ManagedEngine, inPod: string, user: string): string {
  if (engine === 'PostgreSQL') return `${inPod} psql -U ${user} -d postgres -c '\\password'`;
  const client = engine === 'MySQL' ? 'mysql' : 'mariadb';
  return `${inPod} ${client} -u ${user} -p, and there ALTER USER '${user}'@'%' IDENTIFIED BY 'the new password'`;
}
