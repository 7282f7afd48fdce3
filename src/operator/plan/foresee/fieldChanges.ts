import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { entryKeys, entryPath } from '../../../engine/kube/mergeTypes.ts';
import { differences } from '../../../engine/kube/ownFields.ts';
import { annotations } from '../facts/names.ts';
import type { FieldChange } from './forecast.ts';

/** Notes of the operator to itself. */
const NOTES: readonly string[] = [
  annotations.applied,
  annotations.inputs,
  annotations.template,
  annotations.changed,
].map((name) => `metadata.annotations.${name}`);

/** Variables that a user may have given a secret value. */
const MAYBE_SECRET = /\.env\[name=[^\]]*(pass|secret|token|key|credential|pin)[^\]]*\]\.value$/i;
const HIDDEN = '(hidden)';

/**
 * The fields in which an object will differ. `rendered` is what the operator rendered before: only by it can a field that
 * goes be told from a field of another manager.
 */
export function fieldChanges(
  before: KubeObject,
  after: KubeObject,
  rendered: KubeObject | undefined,
): FieldChange[] {
  const [old, now] = [leaves(declared(before)), leaves(declared(after))];
  const paths = differences(declared(after), declared(before));
  const changed = [...now].filter(([path]) => paths.some((part) => isWithin(path, part)));
  const gone = [...leaves(declared(rendered ?? {}))].filter(([path]) => !now.has(path) && old.has(path));
  return [
    ...changed.map(([path, to]) => shown({ path, from: old.get(path), to })),
    ...gone.map(([path]) => shown({ path, from: old.get(path), to: undefined })),
  ].filter(({ path }) => !NOTES.includes(path));
}

/** All fields that the operator declares: without those that the API server adds. */
function declared({ status: _, metadata, ...content }: Partial<KubeObject>): object {
  const { labels, annotations, ownerReferences } = metadata ?? {};
  return { ...content, metadata: { labels, annotations, ownerReferences } };
}

const isWithin = (path: string, part: string): boolean =>
  path === part || path.startsWith(`${part}.`) || path.startsWith(`${part}[`);

function shown({ path, from, to }: FieldChange): FieldChange {
  const hide = (value: unknown) => (value === undefined ? undefined : HIDDEN);
  return MAYBE_SECRET.test(path) ? { path, from: hide(from), to: hide(to) } : { path, from, to };
}

function leaves(value: unknown, path = '', field = ''): Map<string, unknown> {
  if (value === undefined || value === null) return new Map();
  if (Array.isArray(value)) {
    const keys = entryKeys(field, value);
    if (value.every((item) => typeof item !== 'object')) return new Map([[path, value]]);
    return new Map(
      value.flatMap((item: unknown, index) => [
        ...leaves(item, keys ? entryPath(path, item, keys) : `${path}[${index}]`),
      ]),
    );
  }
  if (typeof value !== 'object') return new Map([[path, value]]);
  return new Map(
    Object.entries(value).flatMap(([name, inner]) => [
      ...leaves(inner, path ? `${path}.${name}` : name, name),
    ]),
  );
}
