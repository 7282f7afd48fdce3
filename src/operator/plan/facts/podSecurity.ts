import { type Forbidden, POD_RULES } from '../../resource/podRules.ts';

/** What users may give the pods of a stack. */
export type PodSecurity = 'Restricted' | 'Unrestricted';

/** Every pod of a role carries its podTemplate, so a large one is multiplied by up to 65 StatefulSets. */
const LARGEST_TEMPLATE_BYTES = 32 * 1024;

/** Fields named podTemplate that are too large, whatever pods may have. */
export const oversizedPodTemplates = (spec: unknown): string[] =>
  podTemplatesIn(spec, 'spec').flatMap(({ path, value }) => {
    const bytes = Buffer.byteLength(JSON.stringify(value));
    return bytes > LARGEST_TEMPLATE_BYTES
      ? [`${path}: ${bytes} bytes as JSON, and at most ${LARGEST_TEMPLATE_BYTES} are allowed`]
      : [];
  });

/** Fields of a spec that give pods more than their user may have. Each entry names the field and what is wrong with it. */
export const forbiddenPodFields = (spec: unknown): string[] =>
  podTemplatesIn(spec, 'spec').flatMap(({ path: template, value }) =>
    POD_RULES.flatMap(({ path, forbids, problem }) =>
      valuesAt(value, path.replaceAll('[]', '.[]').split('.'), template)
        .filter((found) => isForbidden(found.value, forbids))
        .map((found) => `${found.path}: ${problem}`),
    ),
  );

interface Found {
  readonly path: string;
  readonly value: unknown;
}

/** Every field named podTemplate, wherever it is: a role that gets one later must not be forgotten here. */
function podTemplatesIn(value: unknown, path: string): Found[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => podTemplatesIn(item, `${path}[${index}]`));
  return Object.entries(fieldsOf(value)).flatMap(([name, field]) =>
    name === 'podTemplate'
      ? [{ path: `${path}.${name}`, value: fieldsOf(field) }]
      : podTemplatesIn(field, `${path}.${name}`),
  );
}

function valuesAt(value: unknown, [step, ...rest]: readonly string[], path: string): Found[] {
  if (value === undefined || value === null) return [];
  if (step === undefined) return [{ path, value }];
  if (step !== '[]') return valuesAt(fieldsOf(value)[step], rest, `${path}.${step}`);
  return (Array.isArray(value) ? value : []).flatMap((item, index) =>
    valuesAt(item, rest, `${path}[${index}]`),
  );
}

function isForbidden(value: unknown, forbids: Forbidden): boolean {
  if ('any' in forbids) return true;
  if ('value' in forbids) return value === forbids.value;
  if ('otherThan' in forbids) return !forbids.otherThan.some((allowed) => allowed === value);
  return Object.entries(fieldsOf(value)).some(
    ([key, field]) => field !== undefined && field !== null && !forbids.keysOtherThan.includes(key),
  );
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
