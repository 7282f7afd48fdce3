import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import { expect, it } from 'vitest';
import { OPERATOR_RIGHTS } from './operatorRights.ts';

interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules: readonly {
    readonly apiGroups: string[];
    readonly resources: string[];
    readonly verbs: string[];
  }[];
}

/** Groups whose kinds a cluster may not have. */
const OPTIONAL = ['gateway.networking.k8s.io', 'cert-manager.io', 'monitoring.coreos.com'];

it('asks for every right that the installation gives the operator in an enabled namespace, and for no other', async () => {
  const objects = loadAll(await readFile('deploy/install.yaml', 'utf8')) as (Role | null)[];
  const role = objects.find(
    (each) => each?.kind === 'ClusterRole' && each.metadata.name === 'waba-operator-namespace',
  );
  const given = role?.rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups
      .filter((group) => !OPTIONAL.includes(group))
      .flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
      ),
  );
  const asked = OPERATOR_RIGHTS.flatMap(([group, resource, verbs]) =>
    verbs.map((verb) => `${verb} ${resource}.${group}`),
  );
  expect(asked.sort()).toEqual(given?.sort());
});
