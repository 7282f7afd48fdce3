import type { KubeObject } from './kubeObject.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The object with these fields, such as `spec.nodeName`, beside apiVersion, kind and metadata. A list is taken whole. */
export function pickFields<T extends KubeObject>(object: T, fields: readonly string[]): T {
  const { apiVersion, kind, metadata } = object;
  return { ...pick(object, fields), apiVersion, kind, metadata } as unknown as T;
}

function pick(from: Fields, paths: readonly string[]): Fields {
  const steps = new Map<string, string[]>();
  for (const path of paths) {
    const [step = '', ...rest] = path.split('.');
    steps.set(step, [...(steps.get(step) ?? []), rest.join('.')]);
  }
  return Object.fromEntries(
    [...steps].flatMap(([step, rests]) => {
      const value = from[step];
      if (value === undefined) return [];
      const isWhole = rests.includes('') || typeof value !== 'object' || value === null;
      return [
        [
          step,
          isWhole
            ? value
            : Array.isArray(value)
              ? value.map((item) => pick(item, rests))
              : pick(value as Fields, rests),
        ],
      ];
    }),
  );
}
