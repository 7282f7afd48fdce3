import { describe, expect, it } from 'vitest';
import { cloudSpec } from '../../../../test/support/cloudSpec.ts';
import { NOW_MS, release, StackModel, waiting } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { planWorkloads } from '../decide/workloads.ts';
import { childKey } from './child.ts';
import { restricted } from './podTemplate.ts';

const stack = (spec: object = {}, cloud: object = {}) =>
  whatsAppDeployment({ spec: { stack: 'Cloud', cloud: cloudSpec(cloud), ...spec } });
interface Pod {
  readonly spec: {
    readonly securityContext: object;
    readonly containers: readonly {
      readonly env: readonly { readonly name: string; readonly value?: string }[];
      readonly securityContext: object;
    }[];
    readonly volumes: readonly object[];
  };
}
function settled(resource = stack()) {
  const model = new StackModel(resource);
  model.settle();
  const set = model.children.get('StatefulSet/shop-gateway');
  const { template, ...spec } = (set?.spec ?? {}) as { readonly template: Pod; readonly replicas: number };
  return { model, spec, pod: template?.spec };
}
const applies = (model: StackModel, changes: object = {}) =>
  planWorkloads(model.observed(changes), release).steps.flatMap(({ apply }) =>
    apply.map(({ object }) => childKey(object)),
  );

describe('the gateway of a stack', () => {
  it('is one pod that Kubernetes never doubles, with the restricted profile, and no process of the network beside it', () => {
    const { model, spec, pod } = settled();
    expect(spec).toMatchObject({ replicas: 1, updateStrategy: { type: 'RollingUpdate' } });
    expect(pod?.securityContext).toEqual(restricted().pod);
    expect(pod?.containers[0]?.securityContext).toEqual(restricted().container);
    expect([...model.children.keys()].filter((key) => key.includes('waba-network'))).toEqual([]);
    expect(model.pods.filter(({ component }) => component === 'gateway')).toHaveLength(1);
  });

  it('takes its secrets from files, so that another token restarts nothing', () => {
    const { pod } = settled();
    const env = Object.fromEntries(pod?.containers[0]?.env.map(({ name, value }) => [name, value]) ?? []);
    expect(env).toMatchObject({
      WABA_CLOUD_ACCESS_TOKEN_FILE: '/etc/waba-cloud/access-token',
      WABA_CLOUD_APP_SECRET_FILE: '/etc/waba-cloud/app-secret',
      WABA_CLOUD_VERIFY_TOKEN_FILE: '/etc/waba-cloud/verify-token',
      WABA_CONTROL_TOKEN_FILE: '/etc/waba-cloud/control-token',
    });
    expect(JSON.stringify(pod?.volumes)).toContain('"name":"shop-cloud","items":[{"key":"verifyToken"');
  });

  it('is what the nodes have their sessions with', () => {
    const { model } = settled();
    const coreapp = JSON.stringify(model.children.get('StatefulSet/shop-coreapp-0'));
    expect(coreapp).toContain('tcp://shop-gateway.default.svc:5222');
  });

  it.each([
    ['a URL of the user', { url: 'https://hooks.example.com/webhook' }, 'https://hooks.example.com/webhook'],
    [
      'an Ingress',
      { ingress: { hostnames: ['a.example'], path: '/shop/webhook' } },
      'https://a.example/shop/webhook',
    ],
    ['nobody', undefined, undefined],
  ])('subscribes at %s', (_, webhook, url) => {
    const { pod } = settled(stack({}, webhook ? { webhook } : {}));
    const found = pod?.containers[0]?.env.find(({ name }) => name === 'WABA_CLOUD_WEBHOOK_URL');
    expect(found?.value).toBe(url);
  });

  it('changes at once, and not outside the window or without approval', () => {
    const changed = stack({}, { throughput: 20 });
    expect(applies(settled().model, { resource: changed, stacks: [changed] })).toContain(
      'StatefulSet/shop-gateway',
    );
    const manual = { upgrade: { mode: 'Manual' } };
    const { model } = settled(stack(manual));
    const held = stack(manual, { throughput: 20 });
    const plan = planWorkloads(model.observed({ resource: held, stacks: [held], nowMs: NOW_MS }), release);
    expect(waiting(plan).map(({ target }) => target)).toContain('StatefulSet/shop-gateway');
  });

  it('stops with the stack that hibernates', () => {
    const { model } = settled();
    model.resource = stack({ hibernated: true });
    model.settle();
    expect(model.pods).toEqual([]);
  });
});
