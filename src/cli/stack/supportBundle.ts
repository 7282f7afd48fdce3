import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dump } from 'js-yaml';
import { describeError } from '../../base/codedError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../engine/kube/kubeObject.ts';
import { podLog } from '../../engine/kube/podLog.ts';
import type { Progress, Step } from '../../local/progress.ts';
import { WhatsAppBackupKind, WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import { inStep } from '../inStep.ts';
import { runProgram } from '../program.ts';

export interface SupportOptions {
  readonly client: KubeClient;
  /** Namespaces of stacks and of the operator. */
  readonly namespaces: readonly string[];
  /** Path of the archive, `….tgz`. */
  readonly file: string;
  readonly progress: Progress;
}

/** Kinds in the archive. `redact` keeps only names and keys of Secrets. */
const COLLECTED: readonly ResourceKind[] = [
  WhatsAppDeploymentKind,
  WhatsAppBackupKind,
  kinds.Pod,
  kinds.Deployment,
  kinds.StatefulSet,
  kinds.Job,
  kinds.Service,
  kinds.PersistentVolumeClaim,
  kinds.PodDisruptionBudget,
  kinds.NetworkPolicy,
  kinds.Secret,
  kinds.ServiceAccount,
  kinds.RoleBinding,
  kinds.Lease,
  kinds.Event,
];
const LOG_LINES = 5000;
const SECRET_VARIABLE = /PASS|SECRET|TOKEN|KEY|CREDENTIAL|PIN\b/i;
const REMOVED = '(removed)';

type PodObject = KubeObject & {
  readonly spec?: { readonly containers?: readonly { readonly name: string }[] };
};

/** Writes objects, events and logs of the namespaces to one archive, without the content of Secrets. */
export async function writeSupportBundle(options: SupportOptions, signal: AbortSignal): Promise<void> {
  const { file, progress } = options;
  const scratch = await mkdtemp(join(tmpdir(), 'waba-support-'));
  const collect = async (step: Pick<Step, 'update'>): Promise<number> => {
    const problems = await saveAll(options, join(scratch, 'waba-support'), step, signal);
    await mkdir(dirname(file), { recursive: true });
    await runProgram('tar', ['-czf', file, '-C', scratch, 'waba-support'], {}, signal);
    return problems.length;
  };
  try {
    await inStep(progress, 'collecting objects, events and logs', collect, (missing) =>
      missing > 0 ? `${file}; ${missing} items could not be read, see not-collected.txt in it` : file,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Writes everything below `root`. An incomplete archive is better than none. @returns what could not be read */
async function saveAll(
  { client, namespaces }: SupportOptions,
  root: string,
  step: Pick<Step, 'update'>,
  signal: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  const attempt = async (what: string, collect: () => Promise<void>) => {
    step.update(what);
    await collect().catch((error: unknown) => void problems.push(`${what}: ${describeError(error)}`));
  };
  for (const namespace of namespaces) {
    for (const kind of COLLECTED) {
      await attempt(`${namespace} ${kind.plural}`, async () => {
        const { items } = await client.list<KubeObject>(kind, { namespace }, signal);
        await save(join(root, namespace, `${kind.plural}.yaml`), dump(items.map(redact), { noRefs: true }));
      });
    }
    await attempt(`${namespace} logs`, () => saveLogs(client, namespace, root, attempt, signal));
  }
  await attempt('version', async () => {
    const version = await client.transport.request({ method: 'GET', path: '/version' }, signal);
    await save(join(root, 'version.yaml'), dump(version));
  });
  if (problems.length > 0) await save(join(root, 'not-collected.txt'), `${problems.join('\n')}\n`);
  return problems;
}

async function saveLogs(
  client: KubeClient,
  namespace: string,
  root: string,
  attempt: (what: string, collect: () => Promise<void>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { items } = await client.list<PodObject>(kinds.Pod, { namespace }, signal);
  for (const { metadata, spec } of items) {
    for (const { name: container } of spec?.containers ?? []) {
      const file = join(root, namespace, 'logs', `${metadata.name}_${container}`);
      const query = { container, tailLines: LOG_LINES, timestamps: true };
      await attempt(`log of ${metadata.name}`, async () =>
        save(`${file}.log`, await podLog(client, namespace, metadata.name, query, signal)),
      );
      // Fails for a container that has never restarted, as most have not.
      const previous = await podLog(
        client,
        namespace,
        metadata.name,
        { ...query, previous: true },
        signal,
      ).catch(() => '');
      if (previous !== '') await save(`${file}.previous.log`, previous);
    }
  }
}

async function save(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** Removes the content of Secrets, and the values of environment variables that are named like a secret. */
export function redact(object: KubeObject): KubeObject {
  const { managedFields: _, annotations, ...metadata } = object.metadata;
  // kubectl stores whole objects in this annotation, also Secrets.
  const { 'kubectl.kubernetes.io/last-applied-configuration': __, ...notes } = annotations ?? {};
  const slim: KubeObject = { ...object, metadata: { ...metadata, annotations: notes } };
  if (object.kind !== 'Secret') return hideVariables(slim) as KubeObject;
  const keys = (content: unknown) =>
    Object.fromEntries(Object.keys((content as object | undefined) ?? {}).map((key) => [key, REMOVED]));
  return { ...slim, data: keys(object.data), stringData: keys(object.stringData) };
}

function hideVariables(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hideVariables);
  if (typeof value !== 'object' || value === null) return value;
  const { name, value: text } = value as { name?: unknown; value?: unknown };
  const hidden = typeof name === 'string' && typeof text === 'string' && SECRET_VARIABLE.test(name);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      hidden && key === 'value' ? REMOVED : hideVariables(inner),
    ]),
  );
}
