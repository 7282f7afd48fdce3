import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { FleetModel } from '../../../test/support/fleetModel.ts';
import { whatsAppFleet } from '../../../test/support/whatsAppFleet.ts';
import type { WhatsAppFleet } from '../../operator/resource/whatsAppFleet.ts';

const FLEET = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappfleets/eu';

let cluster: FakeCluster;
let model: FleetModel;
const waba = (...args: string[]) => runWaba(['fleet', ...args], { cluster });
const spec = () => (cluster.find(FLEET) as unknown as WhatsAppFleet).spec;
const put = () => cluster.put(whatsAppFleet({ spec: model.spec, status: model.status }));

beforeEach(() => {
  model = new FleetModel({
    rings: [
      { name: 'canary', selector: { matchLabels: { ring: 'canary' } } },
      { name: 'rest', maxUnavailable: 2 },
    ],
  });
  model.add('first', { ring: 'canary' });
  for (const name of ['a', 'b', 'c']) model.add(name);
  model.reconcile();
  model.reconcile();
  cluster = new FakeCluster(whatsAppFleet({ spec: model.spec, status: model.status }));
});

/** The first stack breaks, and the fleet halts. */
function halt(): void {
  model.fail('default/first', 'DowngradeRefused', 'the schema is newer', 'RolloutStopped');
  model.reconcile();
  put();
}

describe('kubectl waba fleet status', () => {
  it('shows the rings and the stacks that change', async () => {
    const { code, stdout, stderr } = await waba('status', 'eu');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^default\/eu: v2\.59\.1, 0\/4 stacks, begun /);
    expect(stdout).toContain('Rolling: ring canary: 0 of 1 up to date, 1 changing, 0 failed, 0 held');
    expect(stdout).toMatch(/canary +Rolling +1 +0 +1 +0 +0 +0/);
    expect(stdout).toMatch(/rest +Waiting +3 +0 +0 +3 +0 +0/);
    expect(stdout).toContain('Rolling default/first: the operator has not looked at the change yet');
  });

  it('says what to do when the rollout is halted, and ends with 3 if asked', async () => {
    halt();
    const { code, stdout } = await waba('status', 'eu', '--exit-code');
    expect(code).toBe(3);
    expect(stdout).toContain('Halted: ring canary: default/first: RolloutStopped: as it is');
    expect(stdout).toContain('run `kubectl waba fleet rollback eu -n default`');
  });

  it('lists all fleets, says when there is none, and suggests a name', async () => {
    expect(await waba('status', '-A')).toMatchObject({ stderr: '' });
    expect((await waba('status', '-A')).stdout).toMatch(/default +eu +v2\.59\.1 +Rolling +canary +0\/4/);
    expect((await waba('status', 'eu1')).stderr).toContain(
      'no WhatsAppFleet eu1 in namespace default; did you mean eu?',
    );
    expect((await waba('status', '-n', 'other')).stdout).toBe(
      'no WhatsAppFleet in namespace other; docs/fleet.md shows how to make one\n',
    );
    expect(JSON.parse((await waba('status', 'eu', '-o', 'json')).stdout)).toMatchObject({
      status: { phase: 'Rolling' },
    });
  });
});

describe('kubectl waba fleet', () => {
  it('pauses and resumes', async () => {
    await waba('pause', 'eu');
    expect(spec().paused).toBe(true);
    expect((await waba('resume', 'eu')).stdout).toContain('eu goes on');
    expect(spec()).toMatchObject({ paused: false });
    expect((await waba('resume', 'eu')).stdout).toBe('eu is neither paused nor halted\n');
  });

  it('resumes after a halt with the next attempt', async () => {
    halt();
    await waba('resume', 'eu');
    expect(spec().attempt).toBe(2);
  });

  it('rolls back to the version before, or to a given one', async () => {
    halt();
    expect((await waba('rollback', 'eu')).stdout).toContain('eu goes back to v2.57.1');
    expect(spec().version).toBe('v2.57.1');
    expect((await waba('rollback', 'eu', '--to', 'v2.55.3')).code).toBe(0);
    expect(spec().version).toBe('v2.55.3');
    expect((await waba('rollback', 'eu', '--to', 'v2.55.3')).stdout).toBe('eu brings v2.55.3 already\n');
  });
});
