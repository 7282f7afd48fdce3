import { describe, expect, it } from 'vitest';
import { cloudSpec } from '../../../test/support/cloudSpec.ts';
import { CodedError } from '../../base/codedError.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import type { EventText } from '../../engine/kube/eventCorrelator.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import { stackLabels } from '../plan/facts/names.ts';
import { parseWhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { StackSources } from '../state/stackSources.ts';
import { wantsFinalizer } from './finalize.ts';
import { removeSubscription } from './removeSubscription.ts';

const never = new AbortController().signal;
const DELETED_AT = Date.parse('2026-01-01T00:00:00Z');
const webhook = { url: 'https://hooks.example.com/webhook' };

const stack = (name: string, cloud: object, isDeleted: boolean): KubeObject => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '5',
    creationTimestamp: '2025-01-01T00:00:00Z',
    ...(isDeleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: { phoneNumber: '+16315551000', stack: 'Cloud', cloud: cloudSpec(cloud) },
});
const owned = (kind: string, name: string, rest: object): KubeObject =>
  ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'default', uid: name, labels: stackLabels('shop', 'gateway') },
    ...rest,
  }) as KubeObject;
const controlToken = Buffer.from('secret\n').toString('base64');
const SET = owned('StatefulSet', 'shop-gateway', { spec: { replicas: 1 } });
const SECRET = owned('Secret', 'shop-cloud', { data: { controlToken } });
const POD = owned('Pod', 'shop-gateway-0', {
  spec: {},
  status: { podIP: '10.0.0.9', conditions: [{ type: 'Ready', status: 'True' }] },
});

interface Given {
  readonly secondsSince?: number;
  readonly cloud?: object;
  readonly objects?: readonly KubeObject[];
  readonly others?: readonly KubeObject[];
  readonly answer?: () => Promise<string | undefined>;
}

/** What the deletion of a stack with a gateway waits for, the calls of the gateway, and the events. */
async function deleting({
  secondsSince = 0,
  cloud = { webhook },
  objects = [SET, SECRET, POD],
  others = [],
  answer = async () => undefined,
}: Given = {}) {
  const stored = stack('shop', cloud, true);
  const parsed = parseWhatsAppDeployment(stored);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const cacheOf = (kind: string) => {
    const cache = new ObjectCache<KubeObject>({ stack: () => ['default/shop'] });
    for (const object of objects) if (object.kind === kind) cache.store(object);
    return { kind: kinds[kind as 'Secret'], cache };
  };
  const stacks = new ObjectCache<KubeObject>();
  for (const one of [stored, ...others]) stacks.store(one);
  const [calls, events]: [unknown[], EventText[]] = [[], []];
  const verdict = await removeSubscription(
    parsed.resource,
    stored,
    {
      sources: {
        children: [cacheOf('StatefulSet'), cacheOf('Secret')],
        pods: cacheOf('Pod'),
        stacks: { cache: stacks },
      } as unknown as StackSources,
      gateways: {
        unsubscribe: async (access) => {
          calls.push(access);
          return answer();
        },
      },
      recorder: { record: (_: KubeObject, event: EventText) => void events.push(event) } as EventRecorder,
      clock: new VirtualClock(DELETED_AT + secondsSince * 1_000),
    },
    never,
  );
  return { verdict, calls, events, resource: parsed.resource };
}

describe('the deletion of a stack with the Cloud API behind it', () => {
  it('has the gateway remove its subscription, and goes on', async () => {
    const { verdict, calls, events, resource } = await deleting();
    expect(calls).toEqual([{ address: '10.0.0.9', token: 'secret' }]);
    expect([verdict, events]).toEqual([undefined, []]);
    expect(wantsFinalizer(resource)).toBe(true);
  });

  it.each([
    ['the Cloud API refuses it', { answer: async () => 'Cloud API 190: expired' }, 'Cloud API 190: expired'],
    [
      'the gateway does not answer',
      { answer: () => Promise.reject(new CodedError('NoAnswer', 'the gateway at 10.0.0.9 did not answer')) },
      'the gateway at 10.0.0.9 did not answer',
    ],
    ['the gateway is not ready', { objects: [SET, SECRET] }, 'the gateway is not ready'],
  ])('waits while %s, and after two minutes tells it and goes on', async (_, given, why) => {
    const early = await deleting({ ...given, secondsSince: 119 });
    expect(early.verdict).toMatchObject({ status: 'False', reason: 'Deleting' });
    expect(early.verdict?.message).toContain(`${why}. The operator tries again until 2026-01-01T00:02:00`);
    expect(early.events).toEqual([]);
    const late = await deleting({ ...given, secondsSince: 121 });
    expect(late.verdict).toBeUndefined();
    expect(late.events).toMatchObject([{ type: 'Warning', reason: 'SubscriptionLeft' }]);
    expect(late.events[0]?.message).toContain(why);
    expect(late.events[0]?.message).toContain(
      `-d '{"webhook_configuration":{"override_callback_uri":""}}' https://graph.facebook.com/v26.0/106540352242922`,
    );
  });

  it('waits for no gateway that sleeps, or whose Secret is gone', async () => {
    const asleep = owned('StatefulSet', 'shop-gateway', { spec: { replicas: 0 } });
    for (const objects of [
      [asleep, SECRET],
      [SET, POD],
    ]) {
      const { verdict, events } = await deleting({ objects });
      expect(verdict).toBeUndefined();
      expect(events.map(({ reason }) => reason)).toEqual(['SubscriptionLeft']);
    }
  });

  it('removes nothing that somebody subscribed by hand', async () => {
    const { verdict, calls, events } = await deleting({ cloud: {} });
    expect([verdict, calls, events]).toEqual([undefined, [], []]);
  });

  it('has the gateway remove what is of its number, also while another stack has a number of the account', async () => {
    const other = stack('other', { phoneNumberId: '999999', webhook }, false);
    const { verdict, calls } = await deleting({ others: [other] });
    expect(verdict).toBeUndefined();
    expect(calls).toHaveLength(1);
  });
});
