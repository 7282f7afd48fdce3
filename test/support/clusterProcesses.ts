import { readdirSync, readFileSync } from 'node:fs';
import type { TestCluster } from './localCluster.ts';

export interface ClusterProcess {
  readonly pid: number;
  readonly pod: string;
  readonly command: string;
}

/** Processes of the pods of this cluster, and of no other cluster that runs beside it. */
export function clusterProcesses({ controlPlane }: TestCluster): ClusterProcess[] {
  const server = `KUBERNETES_SERVICE_PORT=${controlPlane.port}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        if (!environment.includes(server)) return [];
        const [, pod = ''] = /^HOSTNAME=(.*)/m.exec(environment.join('\n')) ?? [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(pid), pod, command }];
      } catch {
        // It ended meanwhile, or belongs to somebody else.
        return [];
      }
    });
}

/** Sends SIGKILL. @returns how many processes there were */
export function killProcesses(processes: readonly ClusterProcess[]): number {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
  return processes.length;
}
