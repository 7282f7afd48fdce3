import { describe, expect, it } from 'vitest';
import { chartRules, withinRules } from '../../../test/support/chartRules.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { systemClock } from '../../base/clock.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { SimulatedApiServer } from '../../engine/simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../../engine/simulation/simulatedTransport.ts';
import { FIELD_MANAGER, stackLabels } from '../plan/facts/names.ts';
import { decodeSecret, type SecretObject } from '../plan/facts/secrets.ts';
import { mendSecret } from './mendSecret.ts';

const never = new AbortController().signal;
const resource = whatsAppDeployment();
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A server with a Secret of the stack that lacks its password. */
async function setup(
  labels: Record<string, string> = stackLabels('shop', 'secrets'),
  manager = FIELD_MANAGER,
) {
  const clock = systemClock;
  const server = new SimulatedApiServer({ clock });
  const admin = new KubeClient(new SimulatedTransport({ server, clock }));
  // With exactly the rights that the chart gives the operator.
  const fence = withinRules(await chartRules());
  const client = new KubeClient(new SimulatedTransport({ server, clock, fence }));
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'shop-admin', namespace: 'default', labels, annotations: { team: 'a' } },
    type: 'Opaque',
    data: { username: base64('admin'), extra: base64('of a user') },
  } as KubeObject;
  const seen = await admin.create<KubeObject>(secret, { fieldManager: manager }, never);
  const read = () => admin.get<SecretObject>(kinds.Secret, 'default', 'shop-admin', never);
  return { client, seen, read };
}
const known = { name: 'shop-admin', values: { password: 'known' } };

describe('a generated Secret that lacks a value', () => {
  it('gets it, and keeps what else it holds; the message names the field and no value', async () => {
    const { client, seen, read } = await setup();
    const mended = await mendSecret(client, resource, known, seen, never);
    const after = await read();
    expect(decodeSecret(after)).toEqual({ username: 'admin', extra: 'of a user', password: 'known' });
    expect(after.metadata).toMatchObject({ labels: seen.metadata.labels, annotations: { team: 'a' } });
    expect(mended?.written.metadata.resourceVersion).toBe(after.metadata.resourceVersion);
    expect(mended?.message).toBe('Secret shop-admin: data.password removed or emptied by somebody, set back');
  });

  it('gets new values that belong together if none is known', async () => {
    const { client, seen, read } = await setup();
    await mendSecret(client, resource, { name: 'shop-admin', values: undefined }, seen, never);
    expect(decodeSecret(await read()).password).toMatch(/^Aa1-\w{24}$/);
  });

  it('is left alone if it has changed since it was looked at', async () => {
    const { client, seen, read } = await setup();
    const live = await read();
    await client.update(
      { ...live, data: { password: base64('put back') } } as KubeObject,
      { fieldManager: 'user' },
      never,
    );
    expect(await mendSecret(client, resource, known, seen, never)).toBeUndefined();
    expect(decodeSecret(await read())).toEqual({ password: 'put back' });
  });

  it('is left alone if it belongs to somebody else', async () => {
    const { client, seen, read } = await setup({}, 'helm');
    expect(await mendSecret(client, resource, known, seen, never)).toBeUndefined();
    expect(decodeSecret(await read())).not.toHaveProperty('password');
  });
});
