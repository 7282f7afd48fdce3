import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { KubeClient } from '../kube/client.ts';
import { type KubeObject, kinds } from '../kube/kubeObject.ts';
import { SimulatedApiServer } from '../simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../simulation/simulatedTransport.ts';
import { Sources } from './sources.ts';

const never = new AbortController().signal;

const setup = (namespaces: readonly string[] = []) => {
  const clock = new VirtualClock();
  const server = new SimulatedApiServer({ clock });
  const watched: string[] = [];
  const client = new KubeClient(
    new SimulatedTransport({
      server,
      clock,
      fault: ({ path, query }) => {
        if (query?.watch) watched.push(`${path}?${query.labelSelector ?? ''}`);
        return {};
      },
    }),
  );
  const registry = new Registry();
  const sources = new Sources({
    client,
    namespaces,
    clock,
    random: () => 0,
    logger: silentLogger,
    registry,
  });
  const create = async (name: string, namespace: string) => {
    const created = client.create(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } },
      { fieldManager: 'test' },
      never,
    );
    await clock.advance(0);
    await created;
  };
  return { clock, sources, watched, registry, create };
};

describe('sources', () => {
  it('watch a kind once, however many ask for it, and tell all of them', async () => {
    const { clock, sources, watched, create } = setup();
    const first = sources.watch<KubeObject>({ kind: kinds.ConfigMap });
    const second = sources.watch<KubeObject>({
      kind: kinds.ConfigMap,
      indexes: { namespace: ({ metadata }) => [metadata.namespace ?? ''] },
    });
    const heard: string[] = [];
    first.onChange(({ object }) => heard.push(`first ${object.metadata.name}`));
    second.onChange(({ object }) => heard.push(`second ${object.metadata.name}`));
    void sources.run(never);
    await create('a', 'default');
    await clock.advance(0);
    expect(heard).toEqual(['first a', 'second a']);
    expect(watched).toEqual(['/api/v1/configmaps?']);
    expect(first.cache).toBe(second.cache);
    expect(second.cache.byIndex('namespace', 'default')).toHaveLength(1);
  });

  it('watch apart what differs in its selector, and refuse two selections of fields of one watch', () => {
    const { sources } = setup();
    const plain = sources.watch<KubeObject>({ kind: kinds.ConfigMap });
    expect(sources.watch<KubeObject>({ kind: kinds.ConfigMap, labelSelector: 'a=b' }).cache).not.toBe(
      plain.cache,
    );
    expect(() => sources.watch<KubeObject>({ kind: kinds.ConfigMap, fields: ['data'] })).toThrow(
      /other fields/,
    );
  });

  it('watch each namespace of a list for itself, into one cache', async () => {
    const { clock, sources, watched, create } = setup(['one', 'two']);
    const source = sources.watch<KubeObject>({ kind: kinds.ConfigMap });
    void sources.run(never);
    await create('a', 'one');
    await create('b', 'two');
    await create('c', 'three');
    await clock.advance(0);
    expect(source.cache.keys().sort()).toEqual(['one/a', 'two/b']);
    expect(watched).toHaveLength(2);
  });

  it('export how old the last sign of life of each kind is', async () => {
    const { clock, sources, registry } = setup();
    sources.watch<KubeObject>({ kind: kinds.ConfigMap });
    void sources.run(never);
    await clock.advance(30_000);
    expect(await registry.metrics()).toContain('watch_last_event_age_seconds{kind="ConfigMap"} 30');
    expect(sources.silent(20_000)).toEqual(['configmaps: no event for 30 s']);
  });
});
