import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { load } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { parseWhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { OPTIONAL_KINDS } from '../../src/operator/state/stackSources.ts';
import { anyValue, creationMessages, type Schema } from '../support/anySpec.ts';
import { freshNamespace, installCrd, never, testClient } from '../support/cluster.ts';
import { everyChild } from '../support/everyChild.ts';

const SPECS = Number(process.env.SPECS ?? 150);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const AT_ONCE = 8;

let client: KubeClient;
let namespace: string;

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
});

const dryRun = { fieldManager: 'test', dryRun: true };
const resource = (spec: unknown): KubeObject => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  // As long as a name may be.
  metadata: { name: `s${'h'.repeat(38)}p`, namespace },
  spec,
});

const create = (object: KubeObject) =>
  client.create<KubeObject>(object, dryRun, never).catch((error: unknown) => {
    if (error instanceof ApiError && error.status !== 429 && error.status < 500) return error;
    throw error;
  });

/** What is wrong with what the server makes of a spec. `onlyOnCreate`: messages of rules for new objects, which only the server has. */
async function problemsOf(
  spec: unknown,
  onlyOnCreate: readonly string[],
): Promise<{ accepted: boolean; problems: string[] }> {
  const answer = await create(resource(spec));
  const parsed = parseWhatsAppDeployment({
    ...resource(spec),
    metadata: { ...resource(spec).metadata, uid: 'u', creationTimestamp: '', resourceVersion: '1' },
  });
  if (answer instanceof ApiError) {
    const isExpected = !parsed.ok || onlyOnCreate.some((message) => answer.message.includes(message));
    return { accepted: false, problems: isExpected ? [] : [`only the server refuses it: ${answer.message}`] };
  }
  if (!parsed.ok)
    return { accepted: true, problems: [`only the operator refuses it: ${JSON.stringify(parsed.problems)}`] };
  const children = everyChild(parsed.resource).filter(
    ({ kind }) => !OPTIONAL_KINDS.some((optional) => optional.kind === kind),
  );
  const refused = await Promise.all(children.map(create));
  return {
    accepted: true,
    problems: refused.flatMap((child) => (child instanceof ApiError ? [child.message] : [])),
  };
}

describe('a spec that the API server accepts', () => {
  it(`is one that the operator accepts, and all its children are accepted too (SEED=${SEED} SPECS=${SPECS})`, async () => {
    process.stderr.write(`specs: SEED=${SEED} SPECS=${SPECS}\n`);
    const crd = load(await readFile('crds/whatsappdeployments.yaml', 'utf8')) as {
      spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
    };
    const schema = crd.spec.versions[0]?.schema.openAPIV3Schema ?? {};
    const onlyOnCreate = creationMessages(schema);
    const specs = fc.sample(anyValue(schema.properties?.spec ?? {}), { numRuns: SPECS, seed: SEED });
    const failures: string[] = [];
    let accepted = 0;
    for (let first = 0; first < specs.length; first += AT_ONCE) {
      const results = await Promise.all(
        specs.slice(first, first + AT_ONCE).map((spec) => problemsOf(spec, onlyOnCreate)),
      );
      for (const [index, result] of results.entries()) {
        if (result.accepted) accepted += 1;
        if (result.problems.length > 0)
          failures.push(`${result.problems.join('\n')}\n${JSON.stringify(specs[first + index])}`);
      }
    }
    expect(failures.slice(0, 12)).toEqual([]);
    expect(accepted).toBeGreaterThan(SPECS / 10);
  }, 600_000);
});
