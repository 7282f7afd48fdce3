import { describe, expect, it } from 'vitest';
import type { Source } from '../../engine/controller/sources.ts';
import { type KubeObject, keyOf, kinds, objectKey } from '../../engine/kube/kubeObject.ts';
import { type CacheChange, ObjectCache } from '../../engine/kube/objectCache.ts';
import { annotations, labels, NETWORK, stackLabels } from '../plan/facts/names.ts';
import { parseWhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { RivalStacks } from './rivalStacks.ts';
import { onStackChange, type StackSources, WhatsAppDeploymentKind } from './stackSources.ts';

const NUMBER = '+16315551000';

/** A source whose watch the test plays. */
class PlayedSource implements Source<KubeObject> {
  readonly kind;
  readonly cache: ObjectCache<KubeObject>;
  readonly #listeners: ((change: CacheChange<KubeObject>) => void)[] = [];

  constructor(kind = kinds.Pod) {
    this.kind = kind;
    this.cache = new ObjectCache<KubeObject>({
      stack: ({ metadata }) => [objectKey(metadata.namespace, metadata.labels?.[labels.instance] ?? '')],
      number: ({ spec }) => [(spec as { phoneNumber?: string } | undefined)?.phoneNumber ?? ''],
      namespace: ({ metadata }) => [metadata.namespace ?? ''],
      secret: () => [],
      cluster: () => [],
      clusterUser: () => [],
    });
  }
  isAbsent = () => false;
  lookAgain = () => {};
  onChange(listener: (change: CacheChange<KubeObject>) => void): void {
    this.#listeners.push(listener);
  }
  put(object: KubeObject): void {
    this.#tell(this.cache.store(object));
  }
  remove(object: KubeObject): void {
    this.#tell(this.cache.remove(object));
  }
  #tell(change: CacheChange<KubeObject> | undefined): void {
    if (change) for (const listener of this.#listeners) listener(change);
  }
}

let version = 0;
const metadata = (name: string, namespace: string, more: object = {}) => {
  version += 1;
  return { name, namespace, uid: `${name}-${version}`, resourceVersion: String(version), ...more };
};
const stack = (
  name: string,
  { namespace = 'default', number = NUMBER, spec = {}, more = {} } = {},
): KubeObject => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  metadata: metadata(name, namespace, { generation: 1, creationTimestamp: '2026-01-01T00:00:00Z', ...more }),
  spec: { phoneNumber: number, ...spec },
});
const pod = (
  of: string,
  name: string,
  namespace = 'default',
  component: 'coreapp' | 'webapp' = 'coreapp',
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata(name, namespace, { labels: stackLabels(of, component) }),
});
const journalOf = (name: string, namespace: string, number: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: metadata(`${name}-journal`, namespace, { labels: stackLabels(name, 'secrets') }),
  data: { 'journal.json': Buffer.from(JSON.stringify({ number })).toString('base64') },
});

function setup() {
  const stacks = new PlayedSource(WhatsAppDeploymentKind);
  const [pods, secretsOfStacks, secrets, claims, backups] = [1, 2, 3, 4, 5].map(() => new PlayedSource());
  if (!pods || !secretsOfStacks || !secrets || !claims || !backups) throw new Error('no sources');
  const sources = {
    stacks,
    backups,
    pods,
    everyPod: pods,
    secretsOfStacks,
    secrets,
    fleets: new PlayedSource(),
    children: [claims],
    clusters: {},
  } as StackSources;
  const rivals = new RivalStacks(sources);
  const enqueued: string[] = [];
  onStackChange(sources, rivals, (key) => void enqueued.push(key));
  const of = (object: KubeObject) => {
    const parsed = parseWhatsAppDeployment(object);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return rivals.of(parsed.resource);
  };
  const woken = (act: () => void): string[] => {
    enqueued.length = 0;
    act();
    return [...new Set(enqueued)].sort();
  };
  return { stacks, pods, secretsOfStacks, secrets, claims, of, woken };
}

describe('the stacks that a change concerns', () => {
  it('are those with the number of a stack that is deleted, and those of its namespace', () => {
    const { stacks, woken } = setup();
    const older = stack('older');
    for (const object of [
      older,
      stack('younger', { namespace: 'elsewhere' }),
      stack('neighbour', { number: '+16315552000' }),
      stack('stranger', { namespace: 'elsewhere', number: '+16315553000' }),
    ])
      stacks.put(object);
    expect(woken(() => stacks.remove(older))).toEqual([
      'default/neighbour',
      'default/older',
      'elsewhere/younger',
    ]);
  });

  it('are only itself when its status changes', () => {
    const { stacks, woken } = setup();
    const one = stack('one');
    stacks.put(one);
    stacks.put(stack('two'));
    const changed = { ...one, metadata: { ...one.metadata, resourceVersion: '900' }, status: {} };
    expect(woken(() => stacks.put(changed))).toEqual(['default/one']);
  });

  it('are the owner of a child that is deleted, and every stack for the shared network process', () => {
    const { stacks, claims, secrets, woken } = setup();
    const [one, two] = [stack('one'), stack('two', { number: '+16315552000' })];
    for (const object of [one, two]) stacks.put(object);
    const claim = (instance: string) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: metadata(`${instance}-c`, 'default', { labels: stackLabels(instance, 'media') }),
    });
    const [own, shared] = [claim('one'), claim(NETWORK.name)];
    claims.put(own);
    claims.put(shared);
    expect(woken(() => claims.remove(own))).toEqual(['default/one']);
    expect(woken(() => claims.remove(shared))).toEqual(['default/one', 'default/two']);
    expect(woken(() => secrets.put(journalOf('x', 'default', NUMBER)))).toEqual([]);
  });
});

describe('the rivals of a stack', () => {
  it('are the Masters and Coreapps of another one with its number, in any namespace', () => {
    const { stacks, pods, of } = setup();
    const [mine, other] = [stack('mine'), stack('other', { namespace: 'elsewhere' })];
    for (const object of [mine, other]) stacks.put(object);
    pods.put(pod('mine', 'mine-coreapp-0-0'));
    pods.put(pod('other', 'other-webapp', 'elsewhere', 'webapp'));
    expect(of(mine)).toEqual([]);
    pods.put(pod('other', 'other-coreapp-0-0', 'elsewhere'));
    expect(of(mine)).toEqual([{ stack: 'elsewhere/other', isGone: false, pods: ['other-coreapp-0-0'] }]);
  });

  it('stay when its resource is gone, and the stack hears when the last pod goes', () => {
    const { stacks, pods, of, woken } = setup();
    const [mine, other] = [stack('mine'), stack('other', { namespace: 'elsewhere' })];
    for (const object of [mine, other]) stacks.put(object);
    const left = pod('other', 'other-coreapp-0-0', 'elsewhere');
    pods.put(left);
    stacks.remove(other);
    expect(of(mine)).toEqual([{ stack: 'elsewhere/other', isGone: true, pods: ['other-coreapp-0-0'] }]);
    expect(woken(() => pods.remove(left))).toContain('default/mine');
    expect(of(mine)).toEqual([]);
  });

  it('are not the pods of a new resource of the same name with another number', () => {
    const { stacks, pods, of } = setup();
    const [mine, other] = [stack('mine'), stack('other')];
    for (const object of [mine, other]) stacks.put(object);
    const left = pod('other', 'other-coreapp-0-0');
    pods.put(left);
    stacks.remove(other);
    stacks.put(stack('other', { number: '+16315552000' }));
    pods.put(pod('other', 'other-coreapp-1-0'));
    expect(of(mine)).toEqual([{ stack: 'default/other', isGone: true, pods: ['other-coreapp-0-0'] }]);
    pods.remove(left);
    expect(of(mine)).toEqual([]);
  });

  it('are known after a restart of the operator by their pods, without their resource and their journal', () => {
    const { stacks, pods, of, woken } = setup();
    const mine = stack('mine');
    const numbered = (of: string, number: string, namespace: string) => {
      const bare = pod(of, `${of}-coreapp-0-0`, namespace);
      return { ...bare, metadata: { ...bare.metadata, annotations: { [annotations.number]: number } } };
    };
    const left = numbered('gone', NUMBER, 'elsewhere');
    pods.put(pod('gone', 'gone-webapp', 'elsewhere', 'webapp'));
    pods.put(left);
    pods.put(numbered('other', '+16315552000', 'elsewhere'));
    stacks.put(mine);
    expect(of(mine)).toEqual([{ stack: 'elsewhere/gone', isGone: true, pods: ['gone-coreapp-0-0'] }]);
    expect(woken(() => pods.remove(left))).toContain(keyOf(mine));
    expect(of(mine)).toEqual([]);
  });

  it('are known after a restart of the operator by the journal that was kept', () => {
    const { stacks, pods, secretsOfStacks, of, woken } = setup();
    const mine = stack('mine');
    const left = pod('gone', 'gone-coreapp-0-0');
    pods.put(left);
    pods.put(pod('foreign', 'foreign-coreapp-0-0'));
    stacks.put(mine);
    secretsOfStacks.put(journalOf('gone', 'default', NUMBER));
    secretsOfStacks.put(journalOf('foreign', 'default', '+16315552000'));
    expect(of(mine)).toEqual([{ stack: 'default/gone', isGone: true, pods: ['gone-coreapp-0-0'] }]);
    expect(woken(() => pods.remove(left))).toContain(keyOf(mine));
  });
});
