import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { HttpsTransport } from '../../src/engine/kube/transport.ts';
import { freshNamespace, installCrd, never, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { runTestOperator } from '../support/runTestOperator.ts';
import { startTestControlPlane } from '../support/testControlPlane.ts';

/** On a control plane of its own, because it replaces the schema that the other tests use. */
let controlPlane: Awaited<ReturnType<typeof startTestControlPlane>>;
let client: KubeClient;
let credentials: Credentials;
const stop = new AbortController();
let running: Promise<void> | undefined;

beforeAll(async () => {
  controlPlane = await startTestControlPlane();
  credentials = await kubeconfigCredentials(systemClock, {
    path: controlPlane.controlPlane.kubeconfigPath,
  });
  client = new KubeClient(new HttpsTransport({ credentials, clock: systemClock, userAgent: 'test' }));
}, 240_000);

afterAll(async () => {
  stop.abort();
  await running;
  client.transport.close();
  await controlPlane.close();
});

type Definition = KubeObject & { spec: { versions: readonly { readonly schema: object }[] } };

describe('a resource that an earlier version stored', () => {
  it('and this one cannot read says so in its status, and is read once it is corrected', async () => {
    await installCrd(client);
    const name = `${WhatsAppDeploymentKind.plural}.waba-operator.dev`;
    const strict = await client.get<Definition>(kinds.CustomResourceDefinition, undefined, name, never);
    const schemaOf = async (change: (version: { readonly schema: object }) => object) => {
      const { spec } = await client.get<Definition>(kinds.CustomResourceDefinition, undefined, name, never);
      const versions = spec.versions.map((version) => ({ ...version, ...change(version) }));
      await client.mergePatch(kinds.CustomResourceDefinition, { name }, { spec: { versions } }, never);
    };
    await schemaOf(() => ({
      schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    }));
    const namespace = await freshNamespace(client);
    const { apiVersion, kind } = WhatsAppDeploymentKind;
    const resource = {
      apiVersion,
      kind,
      metadata: { name: 'shop', namespace },
      spec: { phoneNumber: '+16315550841', topology: 'Triple' },
    };
    // Until the API server has taken the looser schema, it refuses the resource.
    await eventually(() => client.create(resource, { fieldManager: 'test' }, never));
    await schemaOf(() => ({ schema: strict.spec.versions[0]?.schema }));
    await eventually(() =>
      client
        .create(
          { ...resource, metadata: { name: 'other', namespace } },
          { fieldManager: 'test', dryRun: true },
          never,
        )
        .then(
          () => false,
          () => true,
        ),
    );
    running = runTestOperator({ credentials, namespace }, stop.signal);
    const ready = async () => {
      const { status } = await client.get<
        KubeObject & {
          status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
        }
      >(WhatsAppDeploymentKind, namespace, 'shop', never);
      return status?.conditions?.find(({ type }) => type === 'Ready');
    };
    const told = await eventually(async () => {
      const condition = await ready();
      return condition?.reason === 'Unreadable' ? condition : undefined;
    });
    expect(told.status).toBe('False');
    expect(told.message).toContain('topology');
    await client.mergePatch(
      WhatsAppDeploymentKind,
      { namespace, name: 'shop' },
      { spec: { topology: 'Single' } },
      never,
    );
    await eventually(async () => (await ready())?.reason !== 'Unreadable');
  });
});
