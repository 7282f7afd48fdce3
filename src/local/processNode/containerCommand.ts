import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../base/codedError.ts';
import type { Container, EnvVar, Pod } from './podTypes.ts';

/** The programs of this machine that replace an image. */
interface LocalImage {
  /** Folder that replaces the root of the image: a command that exists below it runs from there. */
  readonly root?: string;
  /** Folders of this machine that the programs need. */
  readonly needs?: readonly string[];
  /** Command of the image, for containers without one. */
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Images by repository, without registry and tag: `waba-stack`, `postgres`. */
export type ImageTable = Readonly<Record<string, LocalImage>>;

/** Values that a container may refer to. */
export interface ContainerContext {
  readonly pod: Pod;
  readonly podIP: string;
  readonly hostIP: string;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Mount path in the container → folder on this machine. */
  readonly mounts: ReadonlyMap<string, string>;
  readonly images: ImageTable;
  /** Enters a mount namespace with `mounts`. Absent: the mount paths are rewritten in arguments and variables. */
  readonly enter?:
    | ((argv: readonly [string, ...string[]], cwd: string | undefined) => readonly [string, ...string[]])
    | undefined;
  /** Variables that every container gets. */
  readonly baseEnv: Readonly<Record<string, string>>;
}

export interface ContainerCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** The command of a probe, to run in the same namespace. */
  readonly enter: (argv: readonly [string, ...string[]]) => readonly [string, ...string[]];
}

/** @throws CodedError `ErrImageNeverPull` for an image that is not in the table */
function localImage(images: ImageTable, image = ''): LocalImage {
  const repository =
    image
      .replace(/@.*$/, '')
      .replace(/:[^:/]*$/, '')
      .split('/')
      .at(-1) ?? '';
  const known = images[repository];
  if (known) return known;
  throw new CodedError(
    'ErrImageNeverPull',
    `the process node has no programs for image ${image}; it has them for ${Object.keys(images).join(', ')}`,
  );
}

/**
 * The process that runs in place of a container. Paths of the image and of volumes are rewritten to their places on
 * this machine. @throws CodedError `ErrImageNeverPull`, `CreateContainerConfigError`
 */
export function containerCommand(container: Container, context: ContainerContext): ContainerCommand {
  const image = localImage(context.images, container.image);
  const declared = declaredVariables(container, context);
  const env: Record<string, string> = { ...context.baseEnv, ...image.env, ...declared };
  // The kubelet expands what the container declares, and nothing in the command of the image.
  const command = container.command?.map((word) => expand(word, declared)) ?? image.entrypoint ?? [];
  const words = [...command, ...(container.args ?? []).map((word) => expand(word, declared))];
  const place = (text: string) => (context.enter ? text : relocate(text, context.mounts));
  const [program, ...args] = words.map((word) => inImage(image, place(word)));
  if (program === undefined)
    throw new CodedError('CreateContainerConfigError', `container ${container.name} has no command`);
  // In probes the kubelet knows no value that is written elsewhere, and expands those of the pod as they are written.
  const literals = Object.fromEntries((container.env ?? []).map(({ name, value = '' }) => [name, value]));
  const cwd = container.workingDir && place(container.workingDir);
  const enter = (argv: readonly [string, ...string[]]) => context.enter?.(argv, cwd) ?? argv;
  return {
    argv: enter([program, ...args]),
    // The base variables already contain paths of this machine.
    env: Object.fromEntries(
      Object.entries(env).map(([name, value]) => [
        name,
        context.baseEnv[name] === value ? value : place(value),
      ]),
    ),
    cwd: context.enter ? undefined : cwd,
    enter: (argv) =>
      enter(argv.map((word) => inImage(image, place(expand(word, literals)))) as [string, ...string[]]),
  };
}

/** Only literal values expand, by the variables before them: what a Secret holds may contain `$`. */
function declaredVariables(container: Container, context: ContainerContext): Record<string, string> {
  const declared: Record<string, string> = {};
  for (const { prefix = '', secretRef, configMapRef } of container.envFrom ?? []) {
    const source = secretRef
      ? context.secrets.get(secretRef.name)
      : context.configMaps.get(configMapRef?.name ?? '');
    if (!source && !(secretRef ?? configMapRef)?.optional)
      throw missing(secretRef ? 'secret' : 'configmap', (secretRef ?? configMapRef)?.name);
    for (const [name, value] of Object.entries(source ?? {})) declared[prefix + name] = value;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found = valueFrom ? referredValue(valueFrom, context) : expand(value ?? '', declared);
    if (found !== undefined) declared[name] = found;
  }
  return declared;
}

function referredValue(
  { fieldRef, secretKeyRef, configMapKeyRef }: NonNullable<EnvVar['valueFrom']>,
  context: ContainerContext,
): string | undefined {
  if (fieldRef) return fieldValue(fieldRef.fieldPath, context);
  const [kind, ref, sources] = secretKeyRef
    ? (['secret', secretKeyRef, context.secrets] as const)
    : (['configmap', configMapKeyRef, context.configMaps] as const);
  const found = sources.get(ref?.name ?? '')?.[ref?.key ?? ''];
  if (found === undefined && !ref?.optional) throw missing(kind, ref?.name, ref?.key);
  return found;
}

function missing(kind: string, name = '', key?: string): CodedError {
  const what = key ? `key ${key} of ${kind} "${name}"` : `${kind} "${name}"`;
  return new CodedError('CreateContainerConfigError', `${what} not found`, { retriable: true });
}

/** Downward API: the fields that pods refer to. */
export function fieldValue(
  path: string,
  { pod, podIP, hostIP }: Pick<ContainerContext, 'pod' | 'podIP' | 'hostIP'>,
): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName ?? 'default',
    'status.podIP': podIP,
    'status.podIPs': podIP,
    'status.hostIP': hostIP,
  };
  if (!(path in fields))
    throw new CodedError('CreateContainerConfigError', `fieldPath ${path} is not supported`);
  return fields[path] ?? '';
}

/**
 * As the kubelet expands (third_party/forked/golang/expansion of Kubernetes): `$(NAME)` becomes the variable's value, unknown
 * names stay as they are, and two dollar signs become one wherever they stand, also before anything else than a parenthesis.
 */
export const expand = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name?: string) =>
    name === undefined ? '$' : Object.hasOwn(env, name) ? (env[name] ?? '') : whole,
  );

/** Replaces mount paths by the folders behind them, wherever a path may stand. Longest first. */
export function relocate(text: string, mounts: ReadonlyMap<string, string>): string {
  if (!text.includes('/')) return text;
  return [...mounts]
    .sort(([a], [b]) => b.length - a.length)
    .reduce((current, [path, folder]) => {
      const pattern = new RegExp(
        `(^|[\\s=:,'"])${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?=$|[/\\s:,'"])`,
        'g',
      );
      return current.replace(pattern, (_, before: string) => before + folder);
    }, text);
}

const inImage = ({ root }: LocalImage, word: string): string =>
  root && word.startsWith('/') && existsSync(join(root, word)) ? join(root, word) : word;
