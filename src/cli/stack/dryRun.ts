import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { loadAll } from 'js-yaml';
import { CodedError, describeError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import type { SecretObject } from '../../operator/plan/facts/secrets.ts';
import { KIND } from '../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../operator/state/stackSources.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isUnknownKind } from '../explainError.ts';

/** The documents of a file that matter to a plan. */
export interface PlanFile {
  readonly stacks: readonly KubeObject[];
  /** By name; also those of other namespaces. */
  readonly secrets: ReadonlyMap<string, SecretObject>;
}

/** @throws CodedError `FileUnreadable`, `NoStack` */
export async function readPlanFile(file: string, { stdin }: Pick<CliContext, 'stdin'>): Promise<PlanFile> {
  const name = file === '-' ? 'the standard input' : file;
  let documents: unknown[];
  try {
    const text = file === '-' ? (await buffer(stdin)).toString() : await readFile(file, 'utf8');
    documents = loadAll(text).flatMap((document) => {
      const { items } = (document ?? {}) as { items?: unknown };
      return Array.isArray(items) ? (items as unknown[]) : [document];
    });
  } catch (error) {
    throw new CodedError(
      'FileUnreadable',
      `cannot read ${name}: ${describeError(error)}; -f takes a YAML or JSON file with a WhatsAppDeployment`,
      { cause: error },
    );
  }
  const objects = documents.filter(
    (document): document is KubeObject =>
      typeof document === 'object' && document !== null && 'kind' in document && 'metadata' in document,
  );
  const stacks = objects.filter(({ kind }) => kind === KIND);
  if (stacks.length === 0)
    throw new CodedError('NoStack', `${name} holds no WhatsAppDeployment; name the file with the resource`);
  const secrets = objects.filter(({ kind }) => kind === 'Secret').map(withData);
  return { stacks, secrets: new Map(secrets.map((secret) => [secret.metadata.name, secret])) };
}

/** A Secret as the API server stores it. */
function withData(secret: KubeObject): SecretObject {
  const { data = {}, stringData = {} } = secret as SecretObject & {
    readonly stringData?: Readonly<Record<string, string>>;
  };
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  return { ...secret, data: { ...data, ...Object.fromEntries(encoded) } };
}

export interface DryRun {
  /** The resource as the API server would store it, with its defaults. */
  readonly object: KubeObject;
  /** As it is now; undefined if it does not exist. */
  readonly stored: KubeObject | undefined;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
type Plain = Readonly<Record<string, unknown>>;

/** Asks the API server what would become of an object, in the way in which it was applied before. */
export async function dryRun(
  access: ClusterAccess,
  given: KubeObject,
  { signal }: CliContext,
): Promise<DryRun> {
  const namespace = given.metadata.namespace ?? access.namespace;
  const object: KubeObject = { ...given, metadata: { ...given.metadata, namespace } };
  const { name } = object.metadata;
  const stored = await access.client
    .get(WhatsAppDeploymentKind, namespace, name, signal)
    .catch((error: unknown) => {
      if (!isNotFound(error) || isUnknownKind(error)) throw error;
      return undefined;
    });
  if (!stored) {
    const options = { fieldManager: 'kubectl-waba', dryRun: true };
    return { object: await access.client.create(object, options, signal), stored };
  }
  const last = safeJson(stored.metadata.annotations?.[LAST_APPLIED] ?? '') as KubeObject | undefined;
  if (last) {
    const { metadata, spec } = object;
    const patch = {
      metadata: without(last.metadata, { labels: metadata.labels, annotations: metadata.annotations }),
      spec: without((last.spec ?? {}) as Plain, (spec ?? {}) as Plain),
    };
    const target = { namespace, name, dryRun: true };
    return { object: await access.client.mergePatch(WhatsAppDeploymentKind, target, patch, signal), stored };
  }
  const fieldManager = applierOf(stored) ?? 'kubectl-waba';
  const options = { fieldManager, force: true, dryRun: true };
  return { object: await access.client.apply(object, options, signal), stored };
}

/** The merge patch that `kubectl apply` sends: fields that left the file since it was applied last are null. */
function without(last: object, now: Plain): Plain {
  const before = last as Plain;
  const gone = Object.keys(before).filter(
    (key) => now[key] === undefined && KEPT.every((kept) => kept !== key),
  );
  const inner = Object.entries(now).map(([key, value]) => {
    const [old, isBoth] = [before[key], isPlain(value) && isPlain(before[key])];
    return [key, isBoth ? without(old as Plain, value as Plain) : value];
  });
  return { ...Object.fromEntries(gone.map((key) => [key, null])), ...Object.fromEntries(inner) };
}
const KEPT = ['name', 'namespace'];
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Who applied the object from the server's side last, but the operator, which owns only its status. */
function applierOf({ metadata }: KubeObject): string | undefined {
  const managed = (metadata.managedFields ?? []) as readonly {
    readonly manager?: string;
    readonly operation?: string;
    readonly subresource?: string;
  }[];
  return managed.findLast(({ operation, subresource }) => operation === 'Apply' && !subresource)?.manager;
}
