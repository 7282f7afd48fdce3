import { describe, expect, it } from 'vitest';
import { applied, NOW_MS, removed, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { childKey } from '../render/child.ts';

const parents = [{ name: 'public', namespace: 'infra', sectionName: 'https' }];
const httpRoute = { parents, hostnames: ['api.shop.example'] };
const ingress = { hostnames: ['api.shop.example'] };
const ROUTE = 'HTTPRoute/shop';

function stack(exposure: object, more: object = {}): StackModel {
  const model = new StackModel(whatsAppDeployment({ spec: { exposure, ...more } }));
  model.journal = { ...model.journal, webappCa: 'PEM' };
  model.settle();
  return model;
}

/** What the controller of a Gateway writes. */
function answer(model: StackModel, key: string, field: 'parents' | 'ancestors', told: object[]): void {
  const object = model.children.get(key) as KubeObject;
  const reference = field === 'parents' ? 'parentRef' : 'ancestorRef';
  const conditions = told.map((condition) => ({
    observedGeneration: object.metadata.generation,
    ...condition,
  }));
  const status = { [field]: [{ [reference]: { kind: 'Gateway', ...parents[0] }, conditions }] };
  model.children.set(key, { ...object, status } as KubeObject);
}
const ACCEPTED = [
  { type: 'Accepted', status: 'True', reason: 'Accepted' },
  { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs' },
];

const exposed = (model: StackModel) =>
  model.round().steps.find(({ verdict }) => verdict.type === 'Exposed')?.verdict;

describe('the condition Exposed', () => {
  it.each([
    ['HTTPRoute', { httpRoute }],
    ['Ingress', { ingress }],
  ])('waits for a certificate of the Webapps, so that no %s comes before the authority', (kind, exposure) => {
    const model = stack(exposure);
    model.journal = { ...model.journal, webappCa: undefined };
    model.children.delete(`${kind}/shop`);
    const plan = model.round();
    expect(applied(plan).map(({ object }) => object.kind)).not.toContain(kind);
    expect(removed(plan)).toEqual([]);
    expect(exposed(model)).toMatchObject({ status: 'False', reason: 'NoCertificateYet' });
    expect(exposed(model)?.message).toContain(`creates the ${kind} once`);
  });

  it('says which Gateway has not answered, also when it knows only an older route', () => {
    const model = stack({ httpRoute });
    expect(exposed(model)).toMatchObject({ status: 'False', reason: 'Pending' });
    expect(exposed(model)?.message).toContain('kubectl -n infra describe gateway public');
    answer(model, ROUTE, 'parents', ACCEPTED);
    expect(exposed(model)).toMatchObject({ status: 'True', reason: 'Accepted' });
    answer(
      model,
      ROUTE,
      'parents',
      ACCEPTED.map((told) => ({ ...told, observedGeneration: 0 })),
    );
    expect(exposed(model)).toMatchObject({ status: 'False', reason: 'Pending' });
  });

  it('repeats the words of the route and of its policy', () => {
    const model = stack({ httpRoute });
    const refused = {
      type: 'Accepted',
      status: 'False',
      reason: 'NoMatchingListenerHostname',
      message: 'no host',
    };
    answer(model, ROUTE, 'parents', [refused]);
    expect(exposed(model)).toMatchObject({
      reason: 'NotAccepted',
      message: 'HTTPRoute shop: Gateway infra/public says Accepted=False NoMatchingListenerHostname: no host',
    });
    // Traefik leaves the message empty.
    answer(model, ROUTE, 'parents', [{ ...refused, reason: 'NotAllowedByListeners', message: '' }]);
    expect(exposed(model)).toMatchObject({
      reason: 'NotAccepted',
      message:
        'HTTPRoute shop: Gateway infra/public says Accepted=False NotAllowedByListeners; see the Gateway: kubectl -n infra describe gateway public',
    });
    answer(model, ROUTE, 'parents', ACCEPTED);
    expect(exposed(model)?.message).toContain('none has answered to BackendTLSPolicy shop');
    answer(model, 'BackendTLSPolicy/shop', 'ancestors', [
      { type: 'ResolvedRefs', status: 'False', reason: 'InvalidKind', message: 'no ConfigMap' },
    ]);
    expect(exposed(model)).toMatchObject({
      reason: 'RefsNotResolved',
      message:
        'BackendTLSPolicy shop: Gateway infra/public says ResolvedRefs=False InvalidKind: no ConfigMap',
    });
  });

  it('is False while clients of a TLSRoute see a certificate without the name', () => {
    const tlsRoute = { parents, hostnames: ['api.shop.example'] };
    const model = stack({ tlsRoute });
    answer(model, 'TLSRoute/shop', 'parents', ACCEPTED);
    expect(exposed(model)).toMatchObject({ status: 'False', reason: 'NameNotInCertificate' });
    const served = { names: ['*.shop.example'], notAfter: NOW_MS * 2, ca: 'PEM', authority: '' };
    model.journal = { ...model.journal, served };
    expect(exposed(model)).toMatchObject({ status: 'True', reason: 'Accepted' });
  });
});

describe('what makes the API reachable from outside', () => {
  it('is a route to /v1 alone, with the authority that the Gateway trusts, and goes with the field', () => {
    const model = stack({ httpRoute });
    const { spec } = model.children.get(ROUTE) as unknown as {
      spec: { rules: { matches: unknown; backendRefs: unknown }[] };
    };
    expect(spec.rules).toEqual([
      {
        matches: [{ path: { type: 'PathPrefix', value: '/v1' } }],
        backendRefs: [{ group: '', kind: 'Service', name: 'shop-webapp', port: 443, weight: 1 }],
      },
    ]);
    expect(model.children.get('ConfigMap/shop-webapp-ca')).toMatchObject({ data: { 'ca.crt': 'PEM' } });
    expect(model.children.get('BackendTLSPolicy/shop')).toMatchObject({
      spec: { validation: { hostname: 'shop-webapp.default.svc' } },
    });
    model.resource = whatsAppDeployment({ spec: {} });
    expect(removed(model.round()).map(childKey)).toEqual([
      ROUTE,
      'BackendTLSPolicy/shop',
      'ConfigMap/shop-webapp-ca',
    ]);
    expect(exposed(model)).toMatchObject({ status: 'True', reason: 'NotConfigured' });
  });

  it('is an Ingress to /v1 alone, with the authority that its controller trusts', () => {
    const model = stack({ ingress });
    expect(exposed(model)).toMatchObject({ status: 'True', reason: 'Accepted' });
    expect(model.children.get('ConfigMap/shop-webapp-ca')).toMatchObject({ data: { 'ca.crt': 'PEM' } });
    expect(model.children.get('Ingress/shop')).toMatchObject({
      spec: { rules: [{ http: { paths: [{ path: '/v1', pathType: 'Prefix' }] } }] },
    });
    expect(model.children.has('BackendTLSPolicy/shop')).toBe(false);
  });
});
