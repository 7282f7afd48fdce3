import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dump } from 'js-yaml';
import { describeError } from '../../base/codedError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../engine/kube/kubeObject.ts';
import { podLog } from '../../engine/kube/podLog.ts';
import type { Progress, Step } from '../../local/progress.ts';
import { decodeSecret, type SecretObject } from '../../operator/plan/facts/secrets.ts';
import { WhatsAppBackupKind, WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import { inStep } from '../inStep.ts';
import { runProgram } from '../program.ts';
import type { Mask } from './doctor/mask.ts';
import { type Report, reportText } from './doctor/report.ts';

export interface SupportOptions {
  readonly client: KubeClient;
  /** Namespaces of stacks and of the operator. */
  readonly namespaces: readonly string[];
  /** Path of the archive, `….tgz`. */
  readonly file: string;
  readonly progress: Progress;
  /** What the doctor says of the stacks and the operator; absent: the archive has no report. */
  readonly examine?: (signal: AbortSignal) => Promise<Report>;
  /** Hides values of Secrets and phone numbers in everything that is written. */
  readonly mask: Mask;
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

/**
 * Writes objects, events, logs and the report of the doctor to one archive, without the content of Secrets and without
 * phone numbers.
 */
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
    await inStep(
      progress,
      'collecting objects, events, logs and the report of the doctor',
      collect,
      (missing) =>
        missing > 0 ? `${file}; ${missing} items could not be read, see not-collected.txt in it` : file,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Writes everything below `root`. An incomplete archive is better than none. @returns what could not be read */
async function saveAll(
  { client, namespaces, examine, mask }: SupportOptions,
  root: string,
  step: Pick<Step, 'update'>,
  signal: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  const attempt = async (what: string, collect: () => Promise<void>) => {
    step.update(what);
    await collect().catch((error: unknown) => void problems.push(`${what}: ${describeError(error)}`));
  };
  // First, so that no log shows a value that is read later.
  for (const namespace of namespaces) await learnSecrets(client, namespace, mask, signal);
  await attempt('doctor', async () => {
    const report = await examine?.(signal);
    if (!report) return;
    await save(join(root, 'doctor.txt'), mask.text(reportText(report, { colour: false })));
    await save(join(root, 'doctor.json'), `${JSON.stringify(mask.deep(report), null, 2)}\n`);
  });
  for (const namespace of namespaces) {
    for (const kind of COLLECTED) {
      await attempt(`${namespace} ${kind.plural}`, async () => {
        const { items } = await client.list<KubeObject>(kind, { namespace }, signal);
        const text = dump(mask.deep(items.map(redact)), { noRefs: true });
        await save(join(root, namespace, `${kind.plural}.yaml`), text);
      });
    }
    const saveLog = (path: string, log: string) => save(path, mask.text(log));
    await attempt(`${namespace} logs`, () => saveLogs({ client, namespace, root, saveLog }, attempt, signal));
  }
  await attempt('version', async () => {
    const version = await client.transport.request({ method: 'GET', path: '/version' }, signal);
    await save(join(root, 'version.yaml'), dump(version));
  });
  if (problems.length > 0) await save(join(root, 'not-collected.txt'), mask.text(`${problems.join('\n')}\n`));
  return problems;
}

/** Whoever may not read the Secrets may still write the archive: the logs of the stack hold no values of them. */
async function learnSecrets(
  client: KubeClient,
  namespace: string,
  mask: Mask,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { items } = await client.list<SecretObject>(kinds.Secret, { namespace }, signal);
    for (const secret of items) mask.learn(decodeSecret(secret));
  } catch {
    // The list of the kinds, below, reports it.
    signal.throwIfAborted();
  }
}

async function saveLogs(
  to: {
    readonly client: KubeClient;
    readonly namespace: string;
    readonly root: string;
    readonly saveLog: (path: string, log: string) => Promise<void>;
  },
  attempt: (what: string, collect: () => Promise<void>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { client, namespace, root, saveLog } = to;
  const { items } = await client.list<PodObject>(kinds.Pod, { namespace }, signal);
  for (const { metadata, spec } of items) {
    for (const { name: container } of spec?.containers ?? []) {
      const file = join(root, namespace, 'logs', `${metadata.name}_${container}`);
      const query = { container, tailLines: LOG_LINES, timestamps: true };
      await attempt(`log of ${metadata.name}`, async () =>
        saveLog(`${file}.log`, await podLog(client, namespace, metadata.name, query, signal)),
      );
      // Fails for a container that has never restarted, as most have not.
      const previous = await podLog(
        client,
        namespace,
        metadata.name,
        { ...query, previous: true },
        signal,
      ).catch(() => '');
      if (previous !== '') await saveLog(`${file}.previous.log`, previous);
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
