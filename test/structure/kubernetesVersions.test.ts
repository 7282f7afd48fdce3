import { readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { KUBERNETES_VERSION, KUBERNETES_VERSIONS, minorOf } from '../../src/local/kubernetesVersions.ts';

interface Workflow {
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly strategy?: {
    readonly matrix: {
      readonly kubernetes?: readonly string[];
      readonly include?: readonly { readonly kubernetes: string }[];
    };
  };
}

const FOLDER = '.github/workflows';
const minors = KUBERNETES_VERSIONS.map((version) => minorOf(version).slice(1));

/** The versions that the jobs of a workflow hand to the tests. */
const tested = (file: string): string[] =>
  Object.values((load(readFileSync(`${FOLDER}/${file}`, 'utf8')) as Workflow).jobs)
    .filter(({ env }) => env?.KUBERNETES_VERSION?.includes('matrix.kubernetes'))
    .flatMap(({ strategy }) => [
      ...(strategy?.matrix.kubernetes ?? []),
      ...(strategy?.matrix.include ?? []).map(({ kubernetes }) => kubernetes),
    ]);

describe('the versions of Kubernetes', () => {
  it('are each tested by one workflow, the oldest and the newest at each change', () => {
    expect(tested('ci.yml')).toEqual([minors[0], minors.at(-1)]);
    expect(readdirSync(FOLDER).flatMap(tested).sort()).toEqual(minors);
  });

  it('are the same in CONTRIBUTING.md', () => {
    const list = `${minors.slice(0, -1).join(', ')} and ${minors.at(-1)}`;
    expect(readFileSync('CONTRIBUTING.md', 'utf8')).toContain(`Kubernetes ${list}`);
  });

  it('are found by the continuous integration of bare machines', () => {
    const [, name, file] =
      /sed -n "s\/\^export const (\w+) = .*" (\S+)\)/.exec(readFileSync('.ci/run', 'utf8')) ?? [];
    expect(readFileSync(file ?? '', 'utf8')).toContain(`export const ${name} = '${KUBERNETES_VERSION}'`);
  });
});
