import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { statusTree } from './statusTree.ts';

const resource = (status?: object) => whatsAppDeployment({ metadata: { uid: 'u', generation: 2 }, status });

describe('the status tree', () => {
  it('shows nodes by role with their shards, and conditions with their reasons', () => {
    const condition = (type: string, status: string, reason: string, message: string) => ({
      type,
      status,
      reason,
      message,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const tree = statusTree(
      resource({
        observedGeneration: 2,
        phase: 'Registering',
        nodes: [
          {
            name: 'shop-master-0-0',
            role: 'Master',
            ready: true,
            primary: true,
            gatewayStatus: 'disconnected',
          },
          {
            name: 'shop-coreapp-0-0',
            role: 'Coreapp',
            ready: true,
            gatewayStatus: 'connected',
            shards: [-1, 0],
            address: '10.0.0.1',
          },
          { name: 'shop-coreapp-1-0', role: 'Coreapp', ready: false },
          { name: 'shop-coreapp-2-0', role: 'Coreapp', ready: true, gatewayStatus: 'disconnected' },
        ],
        shards: { desired: 1, served: 1 },
        conditions: [
          condition('WorkloadsReady', 'False', 'PodsNotReady', '1 of 2 coreapp pods are ready'),
          condition('Registered', 'Unknown', 'Unknown', 'the stack does not say yet'),
        ],
      }),
      {
        colour: false,
        nowMs: Date.parse('2026-01-01T00:05:00Z'),
        events: [
          {
            time: '2026-01-01T00:00:00Z',
            type: 'Warning',
            reason: 'BackOff',
            object: 'Pod/shop-coreapp-1-0',
            message: 'restarting failed container',
            count: 3,
          },
        ],
      },
    );
    expect(tree).toBe(`shop  +16315551000  Registering
├─ ✔ Masters  1/1 ready
│  └─ ✔ shop-master-0-0  primary · disconnected
├─ ✘ Coreapps  2/3 ready
│  ├─ ✔ shop-coreapp-0-0  connected · shard 0 · 10.0.0.1
│  ├─ ✘ shop-coreapp-1-0  
│  └─ ✔ shop-coreapp-2-0  standby
├─ ✔ Shards  1/1 served
├─ Recent events
│  └─ 5m    BackOff  Pod/shop-coreapp-1-0  restarting failed container
└─ Conditions
   ├─ ✘ WorkloadsReady     PodsNotReady       1 of 2 coreapp pods are ready
   └─ ? Registered         Unknown            the stack does not say yet
Next: If it lasts, run \`kubectl describe pod POD\` for that pod.
`);
  });

  it.each([
    ['Registered', 'standby'],
    ['Unregistered', 'unregistered'],
  ] as const)('of a number that is %s calls a spare Coreapp without a session %s', (state, expected) => {
    const spare = {
      name: 'shop-coreapp-1-0',
      role: 'Coreapp',
      ready: true,
      gatewayStatus: 'unregistered',
    } as const;
    const tree = statusTree(resource({ nodes: [spare], registration: { state } }), {
      colour: false,
      nowMs: 0,
      events: [],
    });
    expect(tree).toContain(`✔ shop-coreapp-1-0  ${expected}`);
  });

  it('shows database, registration, client, API and pending changes where the status has them', () => {
    const status = {
      observedGeneration: 2,
      phase: 'Ready',
      database: { engine: 'PostgreSQL', host: 'db', ready: true },
      registration: { state: 'CodeRequested' },
      client: { version: 'v2.57.1', expires: '2026-12-01' },
      endpoints: { api: 'https://shop-webapp.default.svc' },
      plan: [{ target: 'StatefulSet/shop-master-0', action: 'roll', reason: 'image' }],
    };
    const tree = statusTree(resource(status), { colour: false });
    expect(tree.split('\n').slice(1, 7)).toEqual([
      '├─ ✔ Database  PostgreSQL db',
      '├─ ✘ Registration  CodeRequested',
      '├─ · Client  v2.57.1, expires 2026-12-01',
      '├─ · API  https://shop-webapp.default.svc',
      '├─ Pending changes',
      '│  └─ roll StatefulSet/shop-master-0: image',
    ]);
  });

  it('says that the status is missing, or of an older generation', () => {
    expect(statusTree(resource(), { colour: false })).toContain('is the operator running');
    expect(statusTree(resource({ observedGeneration: 1 }), { colour: false })).toContain(
      '(status of an older generation)',
    );
  });

  it('says for how long a stack is paused or hibernates', () => {
    const rest = (phase: string, status: string) =>
      statusTree(
        resource({
          observedGeneration: 2,
          phase,
          conditions: [
            { type: phase, status, reason: phase, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
          ],
        }),
        { colour: false, nowMs: Date.parse('2026-01-01T05:00:00Z') },
      ).split('\n')[0];
    expect(rest('Paused', 'True')).toBe('shop  +16315551000  Paused for 5h');
    expect(rest('Hibernated', 'True')).toBe('shop  +16315551000  Hibernated for 5h');
    expect(rest('Hibernated', 'False')).toBe('shop  +16315551000  Hibernated');
  });
});
