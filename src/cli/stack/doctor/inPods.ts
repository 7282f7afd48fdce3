import { CodedError, describeError } from '../../../base/codedError.ts';
import { isForbidden } from '../../../engine/kube/apiError.ts';
import { WHATSAPP_HOSTS } from '../../../onprem/networkHosts.ts';
import { componentOf } from '../../../operator/plan/facts/names.ts';
import type { ManagedEngine } from '../../../operator/resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import type { HostReach, StackPod, VolumeUse } from './facts.ts';
import type { Gatherer } from './gather.ts';
import { isReady } from './isReady.ts';

/** Facts that nothing but a program in a pod, or the kubelet, can tell. */

interface Summary {
  readonly pods?: readonly {
    readonly volume?: readonly {
      readonly usedBytes?: number;
      readonly capacityBytes?: number;
      readonly pvcRef?: { readonly name: string; readonly namespace: string };
    }[];
  }[];
}

/** How full the volumes of the stack are: from the kubelets, else from `df` in the pods. */
export async function readVolumes(
  gatherer: Gatherer,
  pods: readonly StackPod[],
  signal: AbortSignal,
): Promise<VolumeUse[]> {
  const claims = new Set(pods.flatMap((pod) => claimsOf(pod).map(({ claim }) => claim)));
  if (claims.size === 0) return [];
  try {
    return await fromKubelets(gatherer, pods, claims, signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = isForbidden(error) ? 'the right to get nodes/proxy is missing' : describeError(error);
    return await fromPods(gatherer, pods, signal).catch((second: unknown) => {
      signal.throwIfAborted();
      throw new CodedError(
        'Unknown',
        `neither a kubelet (${why}) nor df in a pod (${describeError(second)}) tells it`,
      );
    });
  }
}

async function fromKubelets(
  { client, namespace }: Gatherer,
  pods: readonly StackPod[],
  claims: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<VolumeUse[]> {
  const nodes = new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []));
  const summaries = await Promise.all(
    [...nodes].map((node) =>
      client.transport.request({ method: 'GET', path: `/api/v1/nodes/${node}/proxy/stats/summary` }, signal),
    ),
  );
  const found = new Map<string, VolumeUse>();
  for (const { pods: seen = [] } of summaries as readonly Summary[])
    for (const { volume = [] } of seen)
      for (const { usedBytes, capacityBytes, pvcRef } of volume)
        if (
          pvcRef?.namespace === namespace &&
          claims.has(pvcRef.name) &&
          usedBytes !== undefined &&
          capacityBytes
        )
          found.set(pvcRef.name, { claim: pvcRef.name, usedBytes, capacityBytes });
  if (found.size === 0) throw new CodedError('Unknown', 'the kubelets report no volume of the stack');
  return [...found.values()];
}

/** One ready pod for each claim, because pods may share a volume. */
async function fromPods(
  gatherer: Gatherer,
  pods: readonly StackPod[],
  signal: AbortSignal,
): Promise<VolumeUse[]> {
  const mounts = new Map(
    pods
      .filter(isReady)
      .flatMap((pod) =>
        claimsOf(pod).map(
          ({ claim, container, path }) => [claim, { pod: pod.metadata.name, container, path }] as const,
        ),
      ),
  );
  if (mounts.size === 0) throw new CodedError('Unknown', 'no pod with a volume is ready');
  return Promise.all(
    [...mounts].map(async ([claim, { pod, container, path }]) => {
      const ask = (command: readonly string[]) => gatherer.exec({ pod, container }, command, signal);
      const printed = await ask(['df', '-Pk', path]).catch((error: unknown) =>
        ask(nodeDf(path)).catch(() => {
          throw error;
        }),
      );
      const [, blocks, used] = (printed.trim().split('\n').at(-1) ?? '').split(/\s+/).map(Number);
      if (!blocks || used === undefined || Number.isNaN(used))
        throw new CodedError('BadAnswer', `df in Pod ${pod} printed: ${printed.trim()}`);
      return { claim, usedBytes: used * 1024, capacityBytes: blocks * 1024 };
    }),
  );
}

/** Prints like df: our own image has Node and no df. */
const nodeDf = (path: string): string[] => [
  '/nodejs/bin/node',
  '-e',
  `const f = require('fs').statfsSync(${JSON.stringify(path)}), k = f.bsize / 1024; console.log('-', f.blocks * k, (f.blocks - f.bfree) * k)`,
];

const claimsOf = ({ spec }: StackPod): { claim: string; container: string; path: string }[] =>
  (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim }) => {
    if (!persistentVolumeClaim) return [];
    return spec.containers.flatMap((container) => {
      const mount = container.volumeMounts?.find((each) => each.name === name);
      return mount
        ? [{ claim: persistentVolumeClaim.claimName, container: container.name, path: mount.mountPath }]
        : [];
    });
  });

/** Print the connections in use and the limit. The pod has the password as a variable, so it appears in no argument list. */
const CONNECTIONS: Readonly<Record<ManagedEngine, string>> = {
  PostgreSQL: `psql -U "$POSTGRES_USER" -d postgres -tAc "SELECT count(*) || ' ' || current_setting('max_connections') FROM pg_stat_activity WHERE backend_type = 'client backend'"`,
  MySQL: `MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql -u root -N -e "SELECT CONCAT((SELECT COUNT(*) FROM information_schema.processlist), ' ', @@max_connections)"`,
  MariaDB: `MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb -u root -N -e "SELECT CONCAT((SELECT COUNT(*) FROM information_schema.processlist), ' ', @@max_connections)"`,
};

/** Connections to the managed database; undefined for another one, which the operator's own check covers. */
export async function readConnections(
  { exec }: Gatherer,
  { spec }: WhatsAppDeployment,
  pods: readonly StackPod[],
  signal: AbortSignal,
): Promise<{ used: number; most: number } | undefined> {
  const { managed } = spec.database;
  if (!managed) return undefined;
  const pod = pods.find((each) => componentOf(each) === 'database' && isReady(each));
  const [container] = pod?.spec.containers ?? [];
  if (!pod || !container) throw new CodedError('Unknown', 'no pod of the database is ready');
  const script = CONNECTIONS[managed.engine];
  const printed = await exec(
    { pod: pod.metadata.name, container: container.name },
    ['sh', '-c', script],
    signal,
  );
  const [used, most] = printed.trim().split(/\s+/).map(Number);
  if (!used || !most) throw new CodedError('BadAnswer', `the database printed: ${printed.trim()}`);
  return { used, most };
}

/** The hosts that a Coreapp of the vendor's reaches; undefined for an emulator, which connects to none of them. */
export async function readHosts(
  { exec }: Gatherer,
  { spec }: WhatsAppDeployment,
  pods: readonly StackPod[],
  signal: AbortSignal,
): Promise<HostReach[] | undefined> {
  if (spec.stack !== 'OnPremises') return undefined;
  const pod = pods.find((each) => componentOf(each) === 'coreapp' && isReady(each));
  const [container] = pod?.spec.containers ?? [];
  if (!pod || !container) throw new CodedError('Unknown', 'no Coreapp is ready');
  const tries = WHATSAPP_HOSTS.flatMap(({ host, ports }) => ports.map((port) => `${host} ${port}`));
  // In parallel, because a host that drops packets takes the whole second.
  const script = `${tries.map((one) => `(nc -z -w 1 ${one} >/dev/null 2>&1 && echo ${one}) &`).join(' ')} wait`;
  const missing = 'command -v nc >/dev/null || { echo no-nc; exit 0; }';
  const printed = await exec(
    { pod: pod.metadata.name, container: container.name },
    ['sh', '-c', `${missing}; ${script}`],
    signal,
  );
  if (printed.trim() === 'no-nc')
    throw new CodedError('Unknown', `the image of Pod ${pod.metadata.name} has no nc`);
  const open = new Set(printed.trim().split('\n'));
  return WHATSAPP_HOSTS.map(({ host, ports }) => ({
    host,
    open: ports.filter((port) => open.has(`${host} ${port}`)),
  }));
}
