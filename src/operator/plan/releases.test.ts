import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { podView } from '../../../test/support/podView.ts';
import { RELEASE_SECRETS, RELEASE_SPECS } from '../../../test/support/releaseSpecs.ts';
import { apiOf, applied, release, restarted, StackModel } from '../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { planWorkloads } from './decide/workloads.ts';
import { annotations, generatedSecretNames, labels } from './facts/names.ts';
import type { PinnedRelease } from './facts/release.ts';
import { childKey } from './render/child.ts';

/**
 * What the last commit of each release rendered. To keep another release, run this file with KEEP_RELEASE=VERSION on that
 * commit.
 */
const FOLDER = new URL('../../../test/releases/', import.meta.url);
interface KeptStack {
  readonly name: string;
  readonly spec: object;
  readonly release: PinnedRelease;
  /** One of each kind of child that has pods. */
  readonly children: readonly KubeObject[];
}

const hasPods = ({ kind, metadata }: KubeObject): boolean =>
  ['StatefulSet', 'Deployment', 'Job'].includes(kind) && !/-(master|coreapp)-[1-9]$/.test(metadata.name);

/** Every key that a generated Secret may have, base64. */
const GENERATED = {
  username: 'YWRtaW4=',
  password: 'eA==',
  jwtKey: 'eA==',
  secret: 'eA==',
  apiKey: 'eA==',
  'tls.crt': 'eA==',
  'tls.key': 'eA==',
  certificate: 'eA==',
  code: 'MDAwMDAw',
};

/** A settled stack. The pods depend on its generated Secrets, so these are the same in every release. */
function stackOf(spec: object): StackModel {
  const resource = whatsAppDeployment({ spec });
  const model = new StackModel(resource, RELEASE_SECRETS);
  for (const name of generatedSecretNames(resource))
    model.children.set(`Secret/${name}`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      data: GENERATED,
    });
  model.settle();
  return model;
}

const kept = process.env.KEEP_RELEASE;
if (kept) {
  const stacks = Object.entries(RELEASE_SPECS).map(([name, spec]) => {
    const model = new StackModel(whatsAppDeployment({ spec }), RELEASE_SECRETS);
    model.settle();
    return {
      name,
      spec,
      release: model.journal.release,
      children: [...model.children.values()].filter(hasPods),
    };
  });
  writeFileSync(new URL(`${kept}.json`, FOLDER), `${JSON.stringify({ stacks })}\n`);
}

const releases = readdirSync(FOLDER).map((file) => ({
  file,
  stacks: (JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as { stacks: KeptStack[] }).stacks,
}));

/** A settled stack of this version whose pods were made by an earlier release. */
function upgraded({ spec, children, release: pinned }: KeptStack): StackModel {
  const model = stackOf(spec);
  for (const old of children) {
    const settled = model.children.get(childKey(old));
    const generation = old.kind === 'Job' ? {} : { generation: 1 };
    model.children.set(childKey(old), {
      ...old,
      metadata: { ...old.metadata, ...generation },
      status:
        old.kind === 'Job'
          ? old.status
          : { ...(settled?.status as object), observedGeneration: 1, updateRevision: 'old' },
    });
  }
  const sets = new Set(
    children.filter(({ kind }) => kind === 'StatefulSet').map(({ metadata }) => `${metadata.name}-0`),
  );
  model.pods = model.pods.map((pod) =>
    sets.has(pod.name) ? podView({ ...pod, revision: 'old', databaseTls: false }) : pod,
  );
  model.journal = { ...model.journal, release: pinned, schemaDone: undefined };
  return model;
}

describe.each(releases)('pods made by release $file', ({ stacks }) => {
  it.each(stacks)('do not restart for an unchanged resource: $name', (stack) => {
    const model = upgraded(stack);
    const plan = planWorkloads(model.observed({ api: apiOf(model.pods) }), release);
    expect(restarted(plan)).toEqual([]);
    expect(plan.rollout?.isRolling).toBe(false);
    const written = applied(plan).filter(
      ({ object }) =>
        stack.children.some((old) => childKey(old) === childKey(object)) &&
        object.metadata.annotations?.[annotations.template] !==
          model.children.get(childKey(object))?.metadata.annotations?.[annotations.template],
    );
    expect(written.map(({ object }) => childKey(object))).toEqual([]);
    // A Job with another name would upgrade the schema again.
    const jobs = applied(plan).filter(
      ({ object }) => object.metadata.labels?.[labels.component] === 'schema',
    );
    expect(jobs.map(({ object }) => childKey(object))).toEqual([]);
  });
});
