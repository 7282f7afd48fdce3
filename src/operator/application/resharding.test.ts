import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { encodeCertificate } from '../../onprem/emulatorCertificate.ts';
import { APPROVED_GENERATION } from '../plan/facts/names.ts';
import { reshard } from './resharding.ts';

const SHARDS = 'POST /v1/account/shards';
const CERTIFICATE = encodeCertificate({ vname: 'Shop' });
const NUMBER = { cc: '1', phone_number: '6315551000' };

/** A registered number with one shard, which declares two shards and has Coreapps for two. */
function growing(secrets: Record<string, Record<string, string>> = {}, spec: object = {}): FakeApplication {
  const application = new FakeApplication(
    {
      multiconnect: { shards: 2, standbys: 1 },
      registration: { certificateSecretRef: { name: 'registration', key: 'certificate' } },
      ...spec,
    },
    {
      secrets: { registration: { certificate: `${CERTIFICATE}\n` }, ...secrets },
      journal: {
        registration: { attempt: 1, phase: 'registered', registeredAt: '2026-02-28T00:00:00Z' },
      },
    },
  );
  application.stack.state.isRegistered = true;
  return application;
}
const step = (application: FakeApplication, isRegistered = true) => reshard(application.pass(), isRegistered);

describe('the number of shards', () => {
  it('causes no call while it matches spec', async () => {
    const application = growing({}, { multiconnect: { shards: 1, standbys: 1 } });
    expect((await step(application)).verdict).toMatchObject({ status: 'True', reason: 'Served' });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('is set once, with the certificate, and served when each shard has a connected Coreapp', async () => {
    const application = growing();
    expect(await step(application)).toMatchObject({
      verdict: {
        status: 'False',
        reason: 'Resharding',
        message: expect.stringContaining('from 1 to 2 shards'),
      },
      retryAfterMs: 0,
    });
    expect((await step(application)).verdict).toMatchObject({ status: 'True', reason: 'Served' });
    expect(application.stack.takeWrites()).toEqual([[SHARDS, { ...NUMBER, shards: 2, cert: CERTIFICATE }]]);
  });

  it('is set with the PIN if two-step verification is on', async () => {
    const application = growing(
      { pin: { pin: '123456\n' } },
      { twoStep: { pinSecretRef: { name: 'pin', key: 'pin' } } },
    );
    application.stack.state.pin = '123456';
    await step(application);
    expect(application.stack.takeWrites()).toEqual([
      [SHARDS, { ...NUMBER, shards: 2, cert: CERTIFICATE, pin: '123456' }],
    ]);
  });

  it('is not set again when the stack accepted it and the answer was lost', async () => {
    const application = growing();
    application.stack.failNext(SHARDS, { lose: 'after' });
    await expect(step(application)).rejects.toMatchObject({ code: 'Unreachable' });
    expect((await step(application)).verdict.reason).toBe('Served');
    expect(application.stack.state.shardChanges).toBe(1);
  });

  it('is set again when the call never reached the stack', async () => {
    const application = growing();
    application.stack.failNext(SHARDS, { lose: 'before' });
    await expect(step(application)).rejects.toMatchObject({ code: 'Unreachable' });
    await step(application);
    expect(application.stack.state.shards).toBe(2);
  });

  it('is tried again a minute after a refusal', async () => {
    const application = growing();
    application.stack.failNext(SHARDS, { refuse: 1005, details: 'come back later' });
    expect(await step(application)).toMatchObject({
      verdict: { reason: 'ReshardingRefused', message: expect.stringContaining('come back later') },
      retryAfterMs: 60_000,
    });
    expect((await step(application)).verdict.reason).toBe('RetryLater');
    await application.clock.advance(60_000);
    await step(application);
    expect(application.stack.takeWrites()).toHaveLength(2);
  });

  it('is tried again soon if the stack refuses it during a failover of the Master, and later each time', async () => {
    const application = growing();
    application.stack.failNext(SHARDS, { refuse: 1017 });
    expect(await step(application)).toMatchObject({
      verdict: { reason: 'ReshardingRefused' },
      retryAfterMs: 5_000,
    });
    expect((await step(application)).verdict.reason).toBe('RetryLater');
    await application.clock.advance(5_000);
    application.stack.failNext(SHARDS, { refuse: 1017 });
    expect(await step(application)).toMatchObject({ retryAfterMs: 10_000 });
    await application.clock.advance(10_000);
    expect((await step(application)).verdict.reason).toBe('Resharding');
    expect(application.journal.shards).toEqual({});
  });

  describe('with spec.upgrade', () => {
    const manual = (shards: number) => ({
      multiconnect: { shards, standbys: 1 },
      registration: { certificateSecretRef: { name: 'registration', key: 'certificate' } },
      upgrade: { mode: 'Manual' },
    });
    /** A number that has the shards which it declared first. */
    async function served(spec: object): Promise<FakeApplication> {
      const application = growing({}, spec);
      application.stack.state.coreapps = 9;
      await step(application);
      expect((await step(application)).verdict.reason).toBe('Served');
      expect(application.stack.takeWrites()).toHaveLength(1);
      return application;
    }

    it('mode Manual changes no shards that are served until the generation is approved', async () => {
      const application = await served(manual(2));
      application.spec = manual(4);
      const { verdict } = await step(application);
      expect(verdict).toMatchObject({ status: 'False', reason: 'WaitingForApproval' });
      expect(verdict.message).toContain(
        `kubectl -n default annotate wad shop --overwrite ${APPROVED_GENERATION}=1`,
      );
      expect(application.stack.takeWrites()).toEqual([]);
      application.annotations = { [APPROVED_GENERATION]: '1' };
      expect((await step(application)).verdict.reason).toBe('Resharding');
      expect(application.stack.state.shards).toBe(4);
    });

    it('mode Manual holds one served shard too, and not the shards that another registration begins with', async () => {
      const application = growing({}, { ...manual(1) });
      expect((await step(application)).verdict.reason).toBe('Served');
      application.spec = manual(2);
      expect((await step(application)).verdict.reason).toBe('WaitingForApproval');
      application.journals.writeElsewhere((journal) => ({
        ...journal,
        registration: { attempt: 2, phase: 'registered', registeredAt: '2026-03-01T00:00:00Z' },
      }));
      application.journals.sync();
      expect((await step(application)).verdict.reason).toBe('Resharding');
    });

    it('window changes shards once it opens', async () => {
      const upgrade = { window: { schedule: '0 2 * * *', durationMinutes: 60, timeZone: 'UTC' } };
      const application = await served({ ...manual(2), upgrade });
      application.spec = { ...manual(4), upgrade };
      expect((await step(application)).verdict).toMatchObject({
        reason: 'WaitingForWindow',
        message: expect.stringContaining('which opens at 2026-03-01T02:00:00.000Z'),
      });
      await application.clock.advance(2 * 3_600_000);
      expect((await step(application)).verdict.reason).toBe('Resharding');
    });

    it('a journal of an earlier version is no reason to change shards without approval', async () => {
      const application = growing({}, manual(4));
      Object.assign(application.stack.state, { shards: 2, coreapps: 9 });
      expect((await step(application)).verdict.reason).toBe('WaitingForApproval');
      expect(application.stack.takeWrites()).toEqual([]);
    });
  });

  it.each([
    ['NotRegistered', growing(), false, /shards/],
    ['WaitingForCoreapps', growing({}, { multiconnect: { shards: 4, standbys: 1 } }), true, /3 Coreapps/],
    ['CertificateMissing', growing({ registration: {} }), true, /Secret registration, key certificate/],
    [
      'CertificateMissing',
      growing({}, { registration: {} }),
      true,
      /spec\.registration\.certificateSecretRef/,
    ],
  ])('is not set: %s', async (reason, application, isRegistered, message) => {
    const { verdict } = await step(application, isRegistered);
    expect(verdict).toMatchObject({ status: 'False', reason, message: expect.stringMatching(message) });
    expect(application.stack.takeCalls()).toEqual([]);
  });
});
