import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { inject } from 'vitest';
import { isAlreadyExists } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds, registerKind } from '../../src/engine/kube/kubeObject.ts';
import type { ApiEncoding, RequestObserver } from '../../src/engine/kube/transport.ts';
import { API_VERSION, KIND, PLURAL } from '../../src/operator/resource/whatsAppDeployment.ts';
import { administratorClient } from './administratorClient.ts';
import { eventually } from './eventually.ts';

export const never = new AbortController().signal;

export const WhatsAppDeploymentKind = registerKind({
  apiVersion: API_VERSION,
  kind: KIND,
  plural: PLURAL,
  namespaced: true,
});

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string }[];
  };
}

/** An administrator's client of the test project's control plane. */
export const testClient = (observer?: RequestObserver, encoding?: ApiEncoding): Promise<KubeClient> =>
  administratorClient(inject('kubeconfig'), observer, encoding);

/** A namespace that no other test uses. */
export async function freshNamespace(client: KubeClient): Promise<string> {
  const name = `test-${randomUUID().slice(0, 8)}`;
  await client.create(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { fieldManager: 'test' },
    never,
  );
  return name;
}

/** Installs the CRDs of the operator and waits until they are served and described. */
export async function installCrd(client: KubeClient): Promise<void> {
  for (const file of await readdir('crds'))
    await installDefinition(client, load(await readFile(`crds/${file}`, 'utf8')) as KubeObject);
}

export async function installDefinition(client: KubeClient, definition: KubeObject): Promise<void> {
  await client.create(definition, { fieldManager: 'test' }, never).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
  await eventually(async () => {
    const { status } = await client.get<
      KubeObject & { status?: { conditions?: { type: string; status: string }[] } }
    >(kinds.CustomResourceDefinition, undefined, definition.metadata.name, never);
    return status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True');
  });
  // The server publishes the schema seconds later; until then `kubectl explain` does not know the kind.
  const { group, names, versions } = (definition as unknown as Definition).spec;
  const path = `/openapi/v3/apis/${group}/${versions[0]?.name}`;
  await eventually(async () =>
    (await client.transport.text({ method: 'GET', path }, never)).includes(`"kind":"${names.kind}"`),
  );
}

/** Runs kubectl against the test project's control plane; returns stdout, or throws with stderr. */
export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(inject('kubectl'), [
    '--kubeconfig',
    inject('kubeconfig'),
    ...args,
  ]);
  return stdout;
}
