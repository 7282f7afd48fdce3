import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { ApiError } from '../../src/engine/kube/apiError.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { fieldOwners, type ManagedFields } from '../../src/engine/kube/fieldOwners.ts';
import { type KubeObject, kinds, type ResourceKind, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import { ProtobufReader } from '../../src/engine/kube/protobuf/protobufReader.ts';
import type { ApiEncoding } from '../../src/engine/kube/transport.ts';
import { parseWatchEvent } from '../../src/engine/kube/watchEvent.ts';
import { SimulatedApiServer } from '../../src/engine/simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../../src/engine/simulation/simulatedTransport.ts';
import { WIDGET_DEFINITION, WidgetKind } from '../simulation/widget.ts';
import { freshNamespace, installDefinition, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

interface Server {
  readonly client: KubeClient;
  namespace(): Promise<string>;
}

const real = async (encoding: ApiEncoding): Promise<Server> => {
  const client = await testClient(undefined, encoding);
  await installDefinition(client, WIDGET_DEFINITION);
  return { client, namespace: () => freshNamespace(client) };
};

const servers: Record<string, () => Promise<Server>> = {
  'a real API server': () => real('protobuf'),
  'a real API server, in JSON': () => real('json'),
  'the simulated API server': async () => {
    const server = new SimulatedApiServer({ clock: systemClock });
    const client = new KubeClient(new SimulatedTransport({ server, clock: systemClock }));
    let namespaces = 0;
    return { client, namespace: async () => `test-${++namespaces}` };
  },
};

// The simulation can be trusted only as far as this suite compares it, so every test runs against both servers; and on the real one
// against both encodings.
describe.each(Object.entries(servers))('%s', (_, open) => {
  let client: KubeClient;
  let namespace: string;
  let server: Server;

  beforeAll(async () => {
    server = await open();
    client = server.client;
    namespace = await server.namespace();
  });

  const configMap = (name: string, data: Record<string, string>, metadata: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, ...metadata },
    data,
  });
  const widget = (name: string, spec: object, metadata: object = {}): KubeObject => ({
    apiVersion: WidgetKind.apiVersion,
    kind: WidgetKind.kind,
    metadata: { name, namespace, ...metadata },
    spec,
  });
  const by = (fieldManager: string) => ({ fieldManager });
  const create = (object: KubeObject, manager = 'creator') =>
    client.create<KubeObject>(object, by(manager), never);
  const apply = (object: KubeObject, manager: string, force = false) =>
    client.apply<KubeObject>(object, { fieldManager: manager, force }, never);
  const get = (name: string, kind: ResourceKind = kinds.ConfigMap) =>
    client.get<KubeObject>(kind, namespace, name, never);
  const refusal = async (attempt: Promise<unknown>): Promise<ApiError> =>
    attempt.then(
      () => {
        throw new Error('was not refused');
      },
      (error: ApiError) => error,
    );
  const versionOf = (object: KubeObject) => Number(object.metadata.resourceVersion);

  /** Reads a watch until `until` is satisfied. */
  async function watch(
    query: Record<string, string | number | boolean>,
    until: (events: { type: string; object: KubeObject }[]) => boolean,
    kind: ResourceKind = kinds.ConfigMap,
  ) {
    const stop = new AbortController();
    const reader = ProtobufReader.of(kind);
    const events: { type: string; object: KubeObject }[] = [];
    const request = {
      method: 'GET' as const,
      path: resourcePath(kind, namespace),
      reader,
      query: { watch: true, allowWatchBookmarks: true, timeoutSeconds: 60, ...query },
    };
    for await (const line of client.transport.stream(request, stop.signal)) {
      events.push(parseWatchEvent(line, reader));
      if (until(events)) break;
    }
    stop.abort();
    return events;
  }

  it('gives a new object an identity, and refuses a second one with its name', async () => {
    const made = await create(configMap('identity', { a: '1' }));
    expect(made.metadata).toMatchObject({ name: 'identity', namespace });
    expect(made.metadata.uid).toBeTruthy();
    expect(Date.parse(made.metadata.creationTimestamp ?? '')).toBeGreaterThan(0);
    expect(await refusal(create(configMap('identity', {})))).toMatchObject({
      status: 409,
      code: 'AlreadyExists',
    });
    expect(await refusal(get('missing'))).toMatchObject({ status: 404, code: 'NotFound' });
  });

  it('refuses an update of a version that is not the stored one', async () => {
    const first = await create(configMap('versions', { a: '1' }));
    const second = await client.update<KubeObject>({ ...first, data: { a: '2' } }, by('editor'), never);
    expect(versionOf(second)).toBeGreaterThan(versionOf(first));
    const stale = client.update({ ...first, data: { a: '3' } }, by('editor'), never);
    expect(await refusal(stale)).toMatchObject({ status: 409, code: 'Conflict' });
    await client.update(configMap('versions', { a: '4' }), by('editor'), never);
    expect((await get('versions')).data).toEqual({ a: '4' });
  });

  it('requires a version for the update of a custom resource', async () => {
    await create(widget('versioned', { size: 1 }));
    const blind = client.update(widget('versioned', { size: 2 }), by('editor'), never);
    expect(await refusal(blind)).toMatchObject({ status: 422, code: 'Invalid' });
  });

  it('keeps the version when a write changes nothing', async () => {
    const made = await create(configMap('same', { a: '1' }));
    const again = await client.update<KubeObject>(made, by('creator'), never);
    expect(versionOf(again)).toBe(versionOf(made));
  });

  it('merges patches: null removes a field, a version is a precondition', async () => {
    const made = await create(configMap('patched', { a: '1', b: '2' }));
    const target = { namespace, name: 'patched' };
    await client.mergePatch(kinds.ConfigMap, target, { data: { a: null, c: '3' } }, never);
    expect((await get('patched')).data).toEqual({ b: '2', c: '3' });
    const { resourceVersion } = made.metadata;
    const stale = client.mergePatch(
      kinds.ConfigMap,
      target,
      { metadata: { resourceVersion }, data: { b: '9' } },
      never,
    );
    expect(await refusal(stale)).toMatchObject({ status: 409, code: 'Conflict' });
  });

  it('lists by label, and in pages of one revision', async () => {
    for (const name of ['page-a', 'page-b', 'page-c'])
      await create(configMap(name, {}, { labels: { suite: 'pages' } }));
    const page = (query: Record<string, string | number>) =>
      client.transport.request(
        {
          method: 'GET',
          path: resourcePath(kinds.ConfigMap, namespace),
          query: { labelSelector: 'suite=pages', ...query },
        },
        never,
      ) as Promise<{ items: KubeObject[]; metadata: { continue?: string; resourceVersion: string } }>;
    const first = await page({ limit: 2 });
    expect(first.items.map(({ metadata }) => metadata.name)).toEqual(['page-a', 'page-b']);
    await client.delete(kinds.ConfigMap, namespace, 'page-c', {}, never);
    const second = await page({ limit: 2, continue: first.metadata.continue ?? '' });
    expect(second.items.map(({ metadata }) => metadata.name)).toEqual(['page-c']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(second.metadata.continue ?? '').toBe('');
  });

  it('applies: a repetition changes nothing, omitted fields are removed, fields of other managers stay', async () => {
    const first = await apply(configMap('applied', { a: '1', b: '2' }), 'us');
    expect(versionOf(await apply(configMap('applied', { a: '1', b: '2' }), 'us'))).toBe(versionOf(first));
    await apply(configMap('applied', { theirs: 'x' }), 'them');
    await apply(configMap('applied', { a: '1' }), 'us');
    expect((await get('applied')).data).toEqual({ a: '1', theirs: 'x' });
  });

  it('lets two managers share a value, which stays while one of them applies it', async () => {
    await apply(configMap('shared', { a: '1', b: '1' }), 'us');
    await apply(configMap('shared', { a: '1' }), 'them');
    await apply(configMap('shared', { b: '1' }), 'us');
    expect((await get('shared')).data).toEqual({ a: '1', b: '1' });
    await apply(configMap('shared', {}), 'them');
    expect((await get('shared')).data).toEqual({ b: '1' });
  });

  it("refuses to change another manager's field, naming both, unless forced", async () => {
    await apply(configMap('contested', { a: 'ours' }), 'us');
    const error = await refusal(apply(configMap('contested', { a: 'theirs' }), 'them'));
    expect(error).toMatchObject({ status: 409, code: 'Conflict' });
    expect(error.details.causes).toMatchObject([{ reason: 'FieldManagerConflict', field: '.data.a' }]);
    expect(error.details.causes?.[0]?.message).toContain('conflict with "us"');
    await apply(configMap('contested', { a: 'theirs' }), 'them', true);
    expect((await get('contested')).data).toEqual({ a: 'theirs' });
    const back = await refusal(apply(configMap('contested', { a: 'ours' }), 'us'));
    expect(back.details.causes?.[0]?.message).toContain('conflict with "them"');
  });

  it('makes the manager of an update the owner of the field, and shows it', async () => {
    const made = await apply(configMap('edited', { a: '1', b: '1' }), 'us');
    await client.update({ ...made, data: { a: '2', b: '1' } }, by('editor'), never);
    const owners = async (path: string) =>
      fieldOwners(((await get('edited')).metadata.managedFields ?? []) as ManagedFields[], path);
    expect(await owners('data.a')).toEqual(['editor']);
    expect(await owners('data.b')).toEqual(['us']);
    const error = await refusal(apply(configMap('edited', { a: '1', b: '1' }), 'us'));
    expect(error.details.causes).toMatchObject([{ field: '.data.a' }]);
  });

  it('merges lists by their keys, and replaces atomic ones', async () => {
    await apply(widget('lists', { tags: ['a', 'b'], parts: [{ name: 'x', count: 1 }] }), 'us');
    await apply(widget('lists', { parts: [{ name: 'y', count: 2 }] }), 'them');
    expect((await get('lists', WidgetKind)).spec).toEqual({
      tags: ['a', 'b'],
      parts: [
        { name: 'x', count: 1 },
        { name: 'y', count: 2 },
      ],
    });
    expect((await refusal(apply(widget('lists', { tags: ['c'] }), 'them'))).status).toBe(409);
    await apply(widget('lists', { tags: ['c'] }), 'us');
    expect((await get('lists', WidgetKind)).spec).toEqual({ tags: ['c'], parts: [{ name: 'y', count: 2 }] });
  });

  it('keeps status separate, and raises the generation only for other changes', async () => {
    await apply({ ...widget('status', { size: 1 }), status: { phase: 'ignored' } }, 'us');
    expect(await get('status', WidgetKind)).not.toHaveProperty('status');
    const { metadata, apiVersion, kind } = widget('status', {});
    const written = await client.apply<KubeObject>(
      { apiVersion, kind, metadata, status: { phase: 'Ready' } },
      { fieldManager: 'controller', subresource: 'status' },
      never,
    );
    expect(written).toMatchObject({ spec: { size: 1 }, status: { phase: 'Ready' } });
    expect(written.metadata.generation).toBe(1);
    const changed = await apply(widget('status', { size: 2 }), 'us');
    expect(changed).toMatchObject({ metadata: { generation: 2 }, status: { phase: 'Ready' } });
    expect(
      (await apply(widget('status', { size: 2 }, { labels: { a: 'b' } }), 'us')).metadata.generation,
    ).toBe(2);
  });

  it('keeps an object until its finalizer is gone', async () => {
    const made = await create(configMap('held', {}, { finalizers: ['test.example.org/hold'] }));
    await client.delete(kinds.ConfigMap, namespace, 'held', {}, never);
    const held = await get('held');
    expect(held.metadata.deletionTimestamp).toBeTruthy();
    expect(held.metadata.uid).toBe(made.metadata.uid);
    await client.mergePatch(
      kinds.ConfigMap,
      { namespace, name: 'held' },
      { metadata: { finalizers: [] } },
      never,
    );
    expect(await refusal(get('held'))).toMatchObject({ status: 404 });
  });

  it('deletes only the object with the given UID and version', async () => {
    const made = await create(configMap('meant', {}));
    const attempt = (options: object) => client.delete(kinds.ConfigMap, namespace, 'meant', options, never);
    expect(await refusal(attempt({ uid: 'another' }))).toMatchObject({ status: 409, code: 'Conflict' });
    expect(await refusal(attempt({ resourceVersion: '1' }))).toMatchObject({ status: 409 });
    await attempt({ uid: made.metadata.uid });
    const again = await create(configMap('meant', {}));
    expect(again.metadata.uid).not.toBe(made.metadata.uid);
  });

  it('garbage-collects objects without remaining owners, and no others', async () => {
    const [one, two] = [await create(configMap('owner-1', {})), await create(configMap('owner-2', {}))];
    const reference = ({ metadata }: KubeObject) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: metadata.name,
      uid: metadata.uid ?? '',
    });
    await create(configMap('orphan', {}, { ownerReferences: [reference(one)] }));
    await create(configMap('shared-child', {}, { ownerReferences: [reference(one), reference(two)] }));
    await client.delete(kinds.ConfigMap, namespace, 'owner-1', {}, never);
    await eventually(async () => (await refusal(get('orphan'))).status === 404);
    expect((await get('shared-child')).metadata.name).toBe('shared-child');
  });

  it('watches: existing objects, a bookmark, then changes in order; a deletion has the newest version', async () => {
    const before = await create(configMap('seen', { n: '0' }, { labels: { suite: 'watch' } }));
    let changed = false;
    const events = await watch(
      { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', labelSelector: 'suite=watch' },
      (seen) => {
        if (!changed && seen.at(-1)?.type === 'BOOKMARK') {
          changed = true;
          void (async () => {
            await client.update(
              configMap('seen', { n: '1' }, { labels: { suite: 'watch' } }),
              by('editor'),
              never,
            );
            await create(configMap('later', {}, { labels: { suite: 'watch' } }));
            // The object leaves the selection, which the watch sees as a deletion.
            await client.update(configMap('seen', { n: '2' }), by('editor'), never);
            await client.delete(kinds.ConfigMap, namespace, 'later', {}, never);
          })();
        }
        return seen.length >= 6;
      },
    );
    expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
      ['ADDED', 'seen'],
      ['BOOKMARK', events[1]?.object.metadata.name],
      ['MODIFIED', 'seen'],
      ['ADDED', 'later'],
      ['DELETED', 'seen'],
      ['DELETED', 'later'],
    ]);
    expect(events[1]?.object.metadata.annotations?.['k8s.io/initial-events-end']).toBe('true');
    const versions = events.map(({ object }) => versionOf(object));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(versions[0]).toBe(versionOf(before));

    const resumed = await watch(
      { resourceVersion: versions[2] ?? 0, labelSelector: 'suite=watch' },
      (seen) => seen.length >= 3,
    );
    expect(resumed.map(({ type }) => type)).toEqual(['ADDED', 'DELETED', 'DELETED']);
  });

  it('shows a finalized deletion to a watch as a change first', async () => {
    const { metadata } = await create(
      configMap('finalized', {}, { finalizers: ['test.example.org/hold'], labels: { suite: 'finalized' } }),
    );
    await client.delete(kinds.ConfigMap, namespace, 'finalized', {}, never);
    await client.mergePatch(
      kinds.ConfigMap,
      { namespace, name: 'finalized' },
      { metadata: { finalizers: null } },
      never,
    );
    const events = await watch(
      { resourceVersion: metadata.resourceVersion ?? '', labelSelector: 'suite=finalized' },
      (seen) => seen.some(({ type }) => type === 'DELETED'),
    );
    expect(events.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED']);
  });

  // engineFaults.test.ts compares the 410 for a compacted version, because it can compact a server.
  it('sends a watch from a future version nothing, not even a bookmark', async () => {
    const watching = watch({ resourceVersion: '9007199254740000', timeoutSeconds: 2 }, () => true);
    await create(configMap('meanwhile', {}));
    expect(await watching).toEqual([]);
  });
});
