import { describe, expect, it } from 'vitest';
import { cloudSpec } from '../../../../test/support/cloudSpec.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { CLUSTER_FIELDS } from '../../resource/databaseClusters.ts';
import { networkPolicies } from './networkPolicies.ts';

const rendered = (spec: object, operatorNamespace?: string) =>
  Object.fromEntries(
    networkPolicies(whatsAppDeployment({ spec }), operatorNamespace).map(({ object }) => [
      object.metadata.name,
      object.spec as { ingress?: { from?: object[] }[]; egress?: { to?: object[]; ports?: object[] }[] },
    ]),
  );
const sidecars = [{ name: 'exporter', image: 'exporter:1' }];
const namespace = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});
const to = (rules: { to?: object[] }[] = []) => rules.flatMap((rule) => rule.to ?? []);

describe('the NetworkPolicies of a stack', () => {
  it('protect by default what only the stack connects to, and no role with sidecars', () => {
    expect(Object.keys(rendered({}))).toEqual(['shop-database-access', 'shop-node-access']);
    const podTemplate = { sidecars };
    expect(rendered({ nodes: { coreapp: { podTemplate } }, database: { managed: { podTemplate } } })).toEqual(
      {},
    );
    const external = { engine: 'PostgreSQL', host: 'db', credentialsSecretRef: { name: 'db' } };
    expect(Object.keys(rendered({ database: { external } }))).toEqual(['shop-node-access']);
  });

  it('are there for every role on demand, and for none on demand', () => {
    const all = { nodes: { coreapp: { podTemplate: { sidecars } } }, networkPolicy: { enabled: true } };
    expect(Object.keys(rendered(all))).toHaveLength(3);
    expect(rendered(all)['shop-webapp-access']?.ingress).toEqual([
      { ports: [{ protocol: 'TCP', port: 443 }] },
    ]);
    expect(rendered({ networkPolicy: { enabled: false, allowFrom: [], egress: [] } })).toEqual({});
  });

  it('let the operator, the stack, backups and the namespaces of Gateways to the Webapps besides allowFrom', () => {
    const crm = { podSelector: { matchLabels: { app: 'crm' } } };
    const exposure = { httpRoute: { parents: [{ name: 'a', namespace: 'infra' }, { name: 'b' }] } };
    const [rule] = rendered({ exposure, networkPolicy: { allowFrom: [crm] } }, 'waba-system')[
      'shop-webapp-access'
    ]?.ingress ?? [{}];
    expect(rule?.from?.slice(2)).toEqual([
      namespace('waba-system'),
      namespace('infra'),
      namespace('default'),
      crm,
    ]);
    expect(
      rendered({ networkPolicy: { allowFrom: [] } })['shop-webapp-access']?.ingress?.[0]?.from,
    ).toHaveLength(2);
  });

  it('limit egress on demand to what the stack needs, public addresses, and what the user adds', () => {
    const more = { ports: [{ protocol: 'TCP', port: 9000 }] };
    const egressOf = (spec: object) =>
      rendered({ ...spec, networkPolicy: { egress: [more] } })['shop-egress']?.egress ?? [];
    expect(rendered({})['shop-egress']).toBeUndefined();
    expect(egressOf({}).at(-1)).toEqual(more);
    expect(egressOf({})).toHaveLength(6);
    const hook = (url: string) => to(egressOf({ webhook: { url } }));
    expect(hook('https://hooks.crm.svc/')).toContainEqual(namespace('crm'));
    expect(hook('https://hooks.crm.svc.cluster.local:8443/')).toContainEqual(namespace('crm'));
    expect(hook('https://10.1.2.3/')).toContainEqual({ ipBlock: { cidr: '10.1.2.3/32' } });
    expect(hook('https://[fd00::7]/')).toContainEqual({ ipBlock: { cidr: 'fd00::7/128' } });
    // A name with a public address needs nothing more.
    expect(hook('https://hooks.example/')).toEqual(to(egressOf({})));
    const external = { engine: 'MySQL', host: 'db', credentialsSecretRef: { name: 'db' } };
    expect(to(egressOf({ database: { external } }))).toContainEqual(namespace('default'));
    for (const field of CLUSTER_FIELDS)
      expect(
        to(egressOf({ database: { [field]: { name: 'shared', credentialsSecretRef: { name: 'db' } } } })),
      ).toContainEqual(namespace('default'));
  });
});

describe('the NetworkPolicy of a gateway to the Cloud API', () => {
  const tcp = (port: number) => ({ protocol: 'TCP', port });
  const gateway = (webhook: object, networkPolicy?: object) =>
    rendered(
      { stack: 'Cloud', cloud: cloudSpec({ webhook }), ...(networkPolicy ? { networkPolicy } : {}) },
      'operators',
    );

  it('lets nodes to the sessions, the Gateways of the route to webhooks, and the operator to the control port', () => {
    const httpRoute = { parents: [{ name: 'public', namespace: 'infra' }], hostnames: ['a.example'] };
    const { ingress = [] } = gateway({ httpRoute })['shop-gateway-access'] ?? {};
    expect(ingress.map((rule) => (rule as { ports?: object[] }).ports)).toEqual([
      [tcp(5222)],
      [tcp(9092)],
      [tcp(8080)],
    ]);
    expect(ingress[1]?.from).toEqual([namespace('infra')]);
    expect(ingress[2]?.from).toEqual([namespace('operators')]);
  });

  it('lets everybody to signed webhooks where the operator does not know who brings them', () => {
    const { ingress = [] } = gateway({ url: 'https://a.example/webhook' })['shop-gateway-access'] ?? {};
    expect(ingress[1]).toEqual({ ports: [tcp(9092)] });
  });

  it('limits what it connects to together with the nodes, which reach it', () => {
    const all = gateway({ url: 'https://a.example/webhook' }, { egress: [] });
    expect(Object.keys(all)).toContain('shop-gateway-egress');
    const nodes = all['shop-egress']?.egress ?? [];
    expect(nodes.filter(({ ports }) => JSON.stringify(ports) === JSON.stringify([tcp(5222)]))).toHaveLength(
      1,
    );
  });
});
