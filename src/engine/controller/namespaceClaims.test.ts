import { describe, expect, it } from 'vitest';
import { CodedError } from '../../base/codedError.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { KubeClient } from '../kube/client.ts';
import { fencedTransport } from '../kube/fencedTransport.ts';
import { kinds, namespaceOfPath } from '../kube/kubeObject.ts';
import type { LeaseObject } from '../kube/leaderElection.ts';
import type { KubeRequest } from '../kube/transport.ts';
import { SimulatedApiServer } from '../simulation/simulatedApiServer.ts';
import { type Fault, SimulatedTransport } from '../simulation/simulatedTransport.ts';
import { CLAIM_TIMING, NamespaceClaims } from './namespaceClaims.ts';

const never = new AbortController().signal;

const setup = (fault: Fault | ((request: KubeRequest) => Fault) = {}) => {
  const clock = new VirtualClock(1_000_000);
  const server = new SimulatedApiServer({ clock });
  const client = new KubeClient(
    new SimulatedTransport({ server, clock, fault: typeof fault === 'function' ? fault : () => fault }),
  );
  const heard: string[] = [];
  const installation = (identity: string) => {
    const claims: NamespaceClaims = new NamespaceClaims({
      client,
      leaseName: 'claim',
      identity,
      clock,
      random: () => 0,
      logger: silentLogger,
      onChange: (namespace) =>
        heard.push(`${identity} hears that ${claims.holder(namespace)} has ${namespace}`),
    });
    return claims;
  };
  return { clock, client, installation, heard };
};

describe('claims of namespaces', () => {
  it('keep the second installation out until the first lets go', async () => {
    const { clock, installation, heard } = setup();
    const [first, second] = [installation('first'), installation('second')];
    first.holds('shop');
    await clock.advance(0);
    second.holds('shop');
    await clock.advance(10 * CLAIM_TIMING.durationMs);
    expect([first.holds('shop'), second.holds('shop')]).toEqual([true, false]);
    expect(second.holder('shop')).toBe('first');
    expect(heard).toEqual(['first hears that first has shop', 'second hears that first has shop']);
    const released = first.release();
    await clock.advance(CLAIM_TIMING.retryMs);
    await released;
    expect(second.holds('shop')).toBe(true);
  });

  it('keep back the writes of a pass that outlasts its claim', async () => {
    const { clock, client, installation } = setup();
    const claims = installation('first');
    claims.holds('shop');
    await clock.advance(0);
    const fence = ({ path }: KubeRequest) => {
      if (!claims.isHeld(namespaceOfPath(path) ?? '')) throw new CodedError('NotLeader', 'not ours');
    };
    const writer = new KubeClient(fencedTransport(client.transport, fence));
    const write = (name: string) => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' } };
      return writer.create(object, { fieldManager: 'test' }, never).then(
        () => 'written',
        ({ code }: { code: string }) => code,
      );
    };
    const before = write('before');
    await clock.advance(0);
    const abandoned = claims.abandon('shop', never);
    await clock.advance(0);
    await abandoned;
    expect([await before, await write('after')]).toEqual(['written', 'NotLeader']);
    // A write does not take the namespace back.
    expect(claims.isHeld('shop')).toBe(false);
  });

  it('are taken back at once by the same installation after a crash, and by another only when they ran out', async () => {
    const { clock, installation } = setup();
    installation('crashed').holds('shop');
    await clock.advance(0);
    const [again, other] = [installation('crashed'), installation('other')];
    other.holds('shop');
    again.holds('shop');
    await clock.advance(0);
    expect([again.holds('shop'), other.holds('shop')]).toEqual([true, false]);
  });

  it('take their Lease along when nothing is left to work on', async () => {
    const { clock, client, installation } = setup();
    const claims = installation('first');
    claims.holds('shop');
    await clock.advance(0);
    const abandoned = claims.abandon('shop', never);
    await clock.advance(0);
    await abandoned;
    const found = client.get(kinds.Lease, 'shop', 'claim', never).catch(({ code }: { code: string }) => code);
    await clock.advance(0);
    expect(await found).toBe('NotFound');
  });

  it.each(['PUT', 'GET', 'DELETE'])('take their Lease along although one %s was lost', async (method) => {
    let isLosing = false;
    const { clock, client, installation } = setup((request) => {
      const isLost = isLosing && request.method === method;
      if (isLost) isLosing = false;
      return isLost ? { outcome: 'lost' } : {};
    });
    const claims = installation('first');
    claims.holds('shop');
    await clock.advance(0);
    isLosing = true;
    const abandoned = claims.abandon('shop', never);
    await clock.advance(10_000);
    await abandoned;
    expect(isLosing).toBe(false);
    const found = client.get(kinds.Lease, 'shop', 'claim', never).catch(({ code }: { code: string }) => code);
    await clock.advance(0);
    expect(await found).toBe('NotFound');
  });

  it('leave the Lease of another installation that took the namespace meanwhile', async () => {
    let isDown = false;
    const { clock, client, installation } = setup(() => (isDown ? { outcome: 'lost' } : {}));
    const claims = installation('first');
    claims.holds('shop');
    await clock.advance(0);
    isDown = true;
    const abandoned = claims.abandon('shop', never);
    await clock.advance(1_000);
    isDown = false;
    const lease = client.get<LeaseObject>(kinds.Lease, 'shop', 'claim', never);
    await clock.advance(0);
    const taken = client.mergePatch(
      kinds.Lease,
      { namespace: 'shop', name: 'claim' },
      { spec: { ...(await lease).spec, holderIdentity: 'other' } },
      never,
    );
    await clock.advance(10_000);
    await Promise.all([taken, abandoned]);
    const left = client.get<LeaseObject>(kinds.Lease, 'shop', 'claim', never);
    await clock.advance(0);
    expect((await left).spec?.holderIdentity).toBe('other');
  });

  it.each([0, 1, 3, 5, 9])(
    'come back at once with work that comes %s ms after the last one ended',
    async (afterMs) => {
      const { clock, installation } = setup({ delayMs: 2 });
      const claims = installation('first');
      claims.holds('shop');
      await clock.advance(100);
      void claims.abandon('shop', never);
      await clock.advance(afterMs);
      claims.holds('shop');
      await clock.advance(100);
      expect(claims.holds('shop')).toBe(true);
      // Nor is the new Lease deleted with the old one.
      await clock.advance(CLAIM_TIMING.retryMs * 2);
      expect(claims.holds('shop')).toBe(true);
    },
  );
});
