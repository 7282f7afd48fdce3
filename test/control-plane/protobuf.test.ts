import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import {
  type KubeObject,
  kinds,
  type OwnerReference,
  type ResourceKind,
  resourcePath,
} from '../../src/engine/kube/kubeObject.ts';
import { ProtobufReader } from '../../src/engine/kube/protobuf/protobufReader.ts';
import { parseWatchEvent } from '../../src/engine/kube/watchEvent.ts';
import { contentOf, statusOf } from '../support/arbitraryObjects.ts';
import { freshNamespace, never, testClient } from '../support/cluster.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 8);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const by = { fieldManager: 'test' };
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

let client: KubeClient;
let namespace: string;
let owner: OwnerReference;
beforeAll(async () => {
  client = await testClient();
  namespace = await freshNamespace(client);
  const { apiVersion, kind } = { apiVersion: 'v1', kind: 'ConfigMap' };
  const { metadata } = await client.create<KubeObject>(
    { apiVersion, kind, metadata: { name: 'owner', namespace } },
    by,
    never,
  );
  const { name, uid = '' } = metadata;
  owner = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false };
});

const BUILT_IN = Object.values(kinds).filter((kind) => ProtobufReader.of(kind));

/** The object in both encodings, in one version of it. */
async function inBoth(kind: ResourceKind, name: string): Promise<{ json: KubeObject; protobuf: unknown }> {
  const path = resourcePath(kind, kind.namespaced ? namespace : undefined, name);
  const reader = ProtobufReader.of(kind, { managedFields: true });
  for (;;) {
    const json = await client.get<KubeObject>(kind, kind.namespaced ? namespace : undefined, name, never);
    const protobuf = (await client.transport.request({ method: 'GET', path, reader }, never)) as KubeObject;
    // Controllers change objects meanwhile.
    if (protobuf.metadata.resourceVersion === json.metadata.resourceVersion) return { json, protobuf };
  }
}

/** The first event that a watch has for the object. */
async function watched(
  kind: ResourceKind,
  name: string,
  reader: ProtobufReader | undefined,
): Promise<KubeObject> {
  const request = {
    method: 'GET' as const,
    path: resourcePath(kind, kind.namespaced ? namespace : undefined),
    reader,
    query: { watch: true, resourceVersion: '0', fieldSelector: `metadata.name=${name}`, timeoutSeconds: 30 },
  };
  for await (const line of client.transport.stream(request, never))
    return parseWatchEvent<KubeObject>(line, reader).object;
  throw new Error(`no event of ${kind.kind} ${name}`);
}

describe(`protobuf of a real API server (SEED=${SEED})`, () => {
  it.each(BUILT_IN.map((kind) => [kind.kind, kind] as const))(
    'says of a %s what JSON says',
    async (_, kind) => {
      let made = 0;
      await fc.assert(
        fc.asyncProperty(contentOf(kind.kind), statusOf(kind.kind), async (content, status) => {
          const name = `random-${kind.kind.toLowerCase()}-${SEED}-${made++}`;
          const { metadata, ...rest } = content as { metadata?: object };
          const place = kind.namespaced ? { name, namespace, ownerReferences: [owner] } : { name };
          const object = {
            apiVersion: kind.apiVersion,
            kind: kind.kind,
            metadata: { ...metadata, ...place },
            ...rest,
          };
          if (kind === kinds.Event)
            Object.assign(object, { involvedObject: { kind: owner.kind, name: owner.name, namespace } });
          const answer = await client.create<KubeObject>(object as KubeObject, by, never);
          expect(answer.metadata.name).toBe(name);
          if (status) await client.mergePatch(kind, { ...place, subresource: 'status' }, { status }, never);
          const { json, protobuf } = await inBoth(kind, name);
          expect(plain(protobuf)).toEqual(json);
          const frames = await watched(kind, name, ProtobufReader.of(kind, { managedFields: true }));
          const lines = await watched(kind, name, undefined);
          if (frames.metadata.resourceVersion === lines.metadata.resourceVersion)
            expect(plain(frames)).toEqual(plain(lines));
          await client.delete(
            kind,
            kind.namespaced ? namespace : undefined,
            name,
            { gracePeriodSeconds: 0 },
            never,
          );
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
    },
  );

  it('says of every object that the cluster has by itself what JSON says', async () => {
    for (const kind of BUILT_IN) {
      const request = { method: 'GET' as const, path: resourcePath(kind) };
      type Page = { metadata: { resourceVersion: string }; items: KubeObject[] };
      const reader = ProtobufReader.of(kind, { managedFields: true });
      const protobuf = (await client.transport.request({ ...request, reader }, never)) as Page;
      const { resourceVersion } = protobuf.metadata;
      const query = { resourceVersion, resourceVersionMatch: 'Exact', limit: 10_000 };
      const json = (await client.transport.request({ ...request, query }, never)) as Page;
      const { apiVersion, kind: kindName } = kind;
      expect(plain(protobuf.items)).toEqual(
        json.items.map((item) => ({ ...item, apiVersion, kind: kindName })),
      );
    }
  });

  it('lists who manages which field, as JSON does', async () => {
    const managed = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'managed', namespace } };
    await client.create({ ...managed, data: { a: 'b' } }, by, never);
    const { items } = await client.list<KubeObject>(kinds.ConfigMap, { namespace }, never);
    const listed = items.find(({ metadata }) => metadata.name === 'managed');
    const got = await client.get<KubeObject>(kinds.ConfigMap, namespace, 'managed', never);
    expect(got.metadata.managedFields).toHaveLength(1);
    expect(plain(listed?.metadata.managedFields)).toEqual(got.metadata.managedFields);
  });

  it('holds only metadata where only metadata is asked for', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hidden', namespace },
      stringData: { a: 'b' },
    };
    await client.create(secret, by, never);
    const { items } = await client.list<KubeObject>(kinds.Secret, { namespace, metadataOnly: true }, never);
    const hidden = items.find(({ metadata }) => metadata.name === 'hidden');
    expect(Object.keys(hidden ?? {}).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
    expect(hidden).toMatchObject({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace } });
  });
});
