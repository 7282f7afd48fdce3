import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { loadAll } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { forbiddenPodFields } from '../../src/operator/plan/facts/podSecurity.ts';
import { POD_RULES } from '../../src/operator/resource/podRules.ts';
import { freshNamespace, installCrd, never, testClient, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ALLOWED_POD_TEMPLATES, FORBIDDEN_POD_TEMPLATES } from '../support/podTemplates.ts';

const APPLY = { fieldManager: 'test', force: true };
const REFUSAL = / denied request: /;

let client: KubeClient;
let namespace: string;

/** The policy of deploy/install.yaml, bound to one namespace, because tests share the API server. */
async function installPolicy(): Promise<void> {
  const manifest = loadAll(await readFile('deploy/install.yaml', 'utf8')) as KubeObject[];
  const [policy, binding] = manifest.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
  if (!policy || !binding) throw new Error('deploy/install.yaml has no admission policy');
  const name = `${policy.metadata.name}.${namespace}`;
  const inNamespace = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  await client.apply({ ...policy, metadata: { name } }, APPLY, never);
  await client.apply(
    {
      ...binding,
      metadata: { name },
      spec: {
        ...(binding.spec as object),
        policyName: name,
        matchResources: { namespaceSelector: inNamespace },
      },
    },
    APPLY,
    never,
  );
}

const stack = (name: string, spec: object): KubeObject => ({
  apiVersion: WhatsAppDeploymentKind.apiVersion,
  kind: WhatsAppDeploymentKind.kind,
  metadata: { name, namespace },
  spec: { phoneNumber: '+16315551000', ...spec },
});
const everywhere = (podTemplate: object) => ({
  nodes: { coreapp: { podTemplate } },
  database: { managed: { podTemplate } },
});

/** Problems that the policy names when somebody creates this; none if it is accepted. */
async function atAdmission(spec: object): Promise<string[]> {
  const create = client.create(stack('tried', spec), { fieldManager: 'test', dryRun: true }, never);
  const message = await create.then(
    () => '',
    (error: unknown) => {
      if (!(error instanceof ApiError) || !REFUSAL.test(error.message)) throw error;
      return error.message.split(REFUSAL)[1] ?? '';
    },
  );
  return message
    .split('; spec.')
    .flatMap((text, index) => (text === '' ? [] : index ? `spec.${text}` : text));
}
const inReconcile = (spec: object) => [
  ...new Set(forbiddenPodFields(spec).map((problem) => problem.replaceAll(/\[\d+\]/g, '[]'))),
];

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
  await installPolicy();
  const [[, bad] = []] = FORBIDDEN_POD_TEMPLATES;
  await eventually(async () => (await atAdmission(everywhere(bad ?? {}))).length > 0, 60_000);
});

describe('the admission policy of the chart', () => {
  it('compiles without a warning', async () => {
    const { items } = await client.list<KubeObject & { status?: object }>(
      kinds.ValidatingAdmissionPolicy,
      {},
      never,
    );
    const ours = items.find(({ metadata }) => metadata.name.endsWith(`.${namespace}`));
    expect(JSON.stringify(ours?.status ?? {})).not.toContain('expressionWarnings');
  });

  it.each(FORBIDDEN_POD_TEMPLATES)('refuses %s of %j in the words of the status', async (_, podTemplate) => {
    const spec = everywhere(podTemplate);
    expect(inReconcile(spec)).toHaveLength(2);
    expect((await atAdmission(spec)).sort()).toEqual(inReconcile(spec).sort());
  });

  it('accepts what the operator accepts', async () => {
    for (const podTemplate of ALLOWED_POD_TEMPLATES)
      expect(await atAdmission(everywhere(podTemplate))).toEqual([]);
  });

  it('names everything that is wrong at once', async () => {
    const podTemplate = { securityContext: { privileged: true, runAsUser: 0, procMount: 'Unmasked' } };
    expect(await atAdmission({ nodes: { webapp: { podTemplate } } })).toEqual([
      'spec.nodes.webapp.podTemplate.securityContext.privileged: must not be true',
      'spec.nodes.webapp.podTemplate.securityContext.runAsUser: must not be 0',
      'spec.nodes.webapp.podTemplate.securityContext.procMount: must be one of Default',
    ]);
  });

  it('answers as the operator does whatever stands in the fields of a podTemplate', async () => {
    const keys = [...new Set(POD_RULES.flatMap(({ path }) => path.replaceAll('[]', '').split('.')))];
    const leaf = fc.constantFrom(
      null,
      true,
      false,
      0,
      1,
      '',
      'Unconfined',
      'Default',
      'Unmasked',
      'kernel.msgmax',
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'medium' },
        leaf,
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 4 }),
      ),
    }));
    const fields = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 6 });
    const podTemplate = fc.record({
      securityContext: fields,
      volumes: fields.map((volume) => [{ ...volume, name: 'v' }]),
      sidecars: fields.map((container) => [{ ...container, name: 'c', image: 'i' }]),
      env: fields.map((valueFrom) => [{ name: 'A', valueFrom }]),
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(podTemplate, async (any) => {
        const spec = { nodes: { master: { podTemplate: any } } };
        const expected = inReconcile(spec);
        refused += Math.min(expected.length, 1);
        expect((await atAdmission(spec)).sort()).toEqual(expected.sort());
      }),
      { numRuns: 150 },
    );
    expect(refused).toBeGreaterThan(20);
  });

  it('lets a resource from before it change anything but its spec, so that the resource can be deleted', async () => {
    const bad = stack('older', everywhere({ securityContext: { privileged: true } }));
    const outside = await freshNamespace(client);
    // Nobody can write such a resource where the policy holds, so the namespace gets it before the policy sees it.
    const where = { namespace: outside, name: 'older' };
    await client.create({ ...bad, metadata: where }, { fieldManager: 'test' }, never);
    await client.mergePatch(
      kinds.ValidatingAdmissionPolicyBinding,
      { name: await bindingName() },
      {
        spec: {
          matchResources: {
            namespaceSelector: {
              matchLabels: null,
              matchExpressions: [
                { key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace, outside] },
              ],
            },
          },
        },
      },
      never,
    );
    const patch = (body: object) => client.mergePatch(WhatsAppDeploymentKind, where, body, never);
    let paused = false;
    await eventually(() => {
      // A value that is there already is no change.
      paused = !paused;
      return patch({ spec: { paused } }).then(
        () => false,
        (error: Error) => REFUSAL.test(error.message),
      );
    });
    await patch({ metadata: { finalizers: [] } });
    await patch({ spec: { nodes: null, database: null } });
  });
});

const bindingName = async (): Promise<string> => {
  const { items } = await client.list<KubeObject>(kinds.ValidatingAdmissionPolicyBinding, {}, never);
  const found = items.find(({ metadata }) => metadata.name.endsWith(`.${namespace}`));
  if (!found) throw new Error('no binding');
  return found.metadata.name;
};
