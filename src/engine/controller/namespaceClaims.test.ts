import { describe, expect, it } from 'vitest';
import { SimulatedApiServer } from '../../../test/simulation/simulatedApiServer.ts';
import { SimulatedTransport } from '../../../test/simulation/simulatedTransport.ts';
import { VirtualClock } from '../../../test/simulation/virtualClock.ts';
import { silentLogger } from '../../base/logger.ts';
import { KubeClient } from '../kube/client.ts';
import { kinds } from '../kube/kubeObject.ts';
import { CLAIM_TIMING, NamespaceClaims } from './namespaceClaims.ts';

const never = new AbortController().signal;

const setup = () => {
  const clock = new VirtualClock(1_000_000);
  const server = new SimulatedApiServer({ clock });
  const client = new KubeClient(new SimulatedTransport({ server, clock }));
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
});
