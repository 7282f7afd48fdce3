import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { CodedError } from '../../base/codedError.ts';
import { codeHash, encodeCertificate } from '../../onprem/emulatorCertificate.ts';
import { takeRegistrationStep } from './registrationStep.ts';

const ACCOUNT = 'POST /v1/account';
const VERIFY = 'POST /v1/account/verify';
const CODE = '123456';
const CERTIFICATE = encodeCertificate({ vname: 'Shop', codeHash: codeHash(CODE) });
const REFERENCES = {
  certificateSecretRef: { name: 'registration', key: 'certificate' },
  codeSecretRef: { name: 'registration', key: 'code' },
};
const secret = (code?: string) => ({
  registration: { certificate: `${CERTIFICATE}\n`, ...(code === undefined ? {} : { code }) },
});

const unregistered = (code?: string) =>
  new FakeApplication({ registration: REFERENCES }, { secrets: secret(code) });

/** Runs one pass with what the stack reports about the registration. */
const step = (application: FakeApplication) => {
  const states = Object.values(application.stack.observation().health);
  return takeRegistrationStep(
    application.pass(),
    states.some(({ gateway_status }) => gateway_status !== 'unregistered'),
  );
};
const calls = (application: FakeApplication) => application.stack.takeWrites().map(([call]) => call);
const setAttempt = (application: FakeApplication, attempt: number) => {
  application.spec = { registration: { ...REFERENCES, attempt } };
};

describe('a registration', () => {
  it('requests a code, tries the code that arrives, and finishes', async () => {
    const application = unregistered();
    expect(await step(application)).toMatchObject({
      verdict: {
        status: 'False',
        reason: 'WaitingForCode',
        message: expect.stringMatching(/Shop.*Secret registration, key code/),
      },
      retryAfterMs: 0,
    });
    expect(application.stack.takeWrites()).toEqual([
      [ACCOUNT, { cc: '1', phone_number: '6315551000', method: 'sms', cert: CERTIFICATE }],
    ]);
    expect((await step(application)).verdict.reason).toBe('WaitingForCode');
    application.secrets = secret('123-456\n');
    expect((await step(application)).verdict).toMatchObject({ status: 'True', reason: 'Registered' });
    expect(application.stack.takeWrites()).toEqual([[VERIFY, { code: '123-456' }]]);
    expect((await step(application)).verdict).toMatchObject({ status: 'True', reason: 'Registered' });
    expect(application.stack.takeCalls()).toEqual([]);
    expect(application.journal.registration).toMatchObject({
      phase: 'registered',
      verifiedName: 'Shop',
      registeredAt: '2026-03-01T00:00:00.000Z',
    });
  });

  it('sends nothing while no node reports whether the number is registered', async () => {
    const application = unregistered(CODE);
    const { verdict } = await takeRegistrationStep(application.pass(), undefined);
    expect(verdict).toMatchObject({ status: 'Unknown', reason: 'Unknown' });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('sends nothing if the number is registered already, and records it in the journal', async () => {
    const application = unregistered(CODE);
    application.stack.state.isRegistered = true;
    expect((await step(application)).verdict.reason).toBe('Registered');
    expect(application.stack.takeCalls()).toEqual([]);
    expect(application.journal.registration).toMatchObject({ attempt: 1, phase: 'registered' });
  });

  it('finishes without a code if this installation was registered before', async () => {
    const application = unregistered();
    application.stack.state.isRegistered = true;
    expect((await takeRegistrationStep(application.pass(), false)).verdict).toMatchObject({
      status: 'True',
      reason: 'Registered',
    });
    expect(application.journal.registration?.phase).toBe('registered');
  });

  it.each(['after', 'before'] as const)(
    'requests no second code when the answer was lost, whether the call was lost before or after its effect: %s',
    async (lose) => {
      const application = unregistered();
      application.stack.failNext(ACCOUNT, { lose });
      expect((await step(application)).verdict).toMatchObject({
        status: 'Unknown',
        reason: 'OutcomeUnknown',
      });
      for (let pass = 0; pass < 3; pass++) {
        await application.clock.advance(3_600_000);
        expect((await step(application)).verdict.reason).toBe('OutcomeUnknown');
      }
      expect(calls(application)).toEqual([ACCOUNT]);
      expect(application.journal.registration?.phase).toBe('requesting');
    },
  );

  it('treats the answer of a proxy as no answer, because the code may have been sent', async () => {
    const application = unregistered();
    application.stack.failNext(ACCOUNT, { status: 502 });
    expect((await step(application)).verdict.reason).toBe('OutcomeUnknown');
    expect(application.journal.registration?.phase).toBe('requesting');
  });

  it('continues after a lost answer when the code arrives', async () => {
    const application = unregistered();
    application.stack.failNext(ACCOUNT, { lose: 'after' });
    await step(application);
    application.secrets = secret(CODE);
    expect((await step(application)).verdict.reason).toBe('Registered');
  });

  it('requests another code when the stack reports that no code was requested', async () => {
    const application = unregistered(CODE);
    application.stack.failNext(ACCOUNT, { lose: 'before' });
    await step(application);
    expect((await step(application)).verdict.reason).toBe('Retrying');
    expect((await step(application)).verdict.reason).toBe('CodeRequested');
    expect((await step(application)).verdict.reason).toBe('Registered');
    expect(application.stack.state).toMatchObject({ codeRequests: 1, registrations: 1 });
  });

  it('requests one code for each attempt', async () => {
    const application = unregistered();
    await step(application);
    await application.clock.advance(3_600_000);
    await step(application);
    expect(application.stack.state.codeRequests).toBe(1);
    setAttempt(application, 2);
    await step(application);
    expect(application.stack.state.codeRequests).toBe(2);
  });

  it('waits for the time that a refusal states, and then requests the code', async () => {
    const application = unregistered();
    await step(application);
    setAttempt(application, 2);
    await application.clock.advance(60_000);
    expect(await step(application)).toMatchObject({
      verdict: { reason: 'Refused' },
      retryAfterMs: 9 * 60_000,
    });
    expect((await step(application)).verdict).toMatchObject({
      reason: 'RetryLater',
      message: expect.stringContaining('2026-03-01T00:10:00'),
    });
    expect(calls(application)).toEqual([ACCOUNT, ACCOUNT]);
    await application.clock.advance(9 * 60_000);
    expect((await step(application)).verdict.reason).toBe('WaitingForCode');
  });

  it('waits for a raised attempt after a refusal without a time', async () => {
    const application = unregistered();
    application.stack.failNext(ACCOUNT, { refuse: 1005, details: 'biz_link_info_invalid_payload' });
    expect((await step(application)).verdict).toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('biz_link_info_invalid_payload'),
    });
    await application.clock.advance(3_600_000);
    expect((await step(application)).verdict).toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('spec.registration.attempt'),
    });
    expect(calls(application)).toEqual([ACCOUNT]);
  });

  it.each([
    ['a refusal for now', { refuse: 1017 } as const, 600_000],
    ['an internal error', { refuse: 1014 } as const, 3_600_000],
    ['a database error', { refuse: 1023 } as const, 3_600_000],
    ['a refused connection', { lose: 'unsent' } as const, 600_000],
  ])(
    'requests the code again after %s, ever later, also after a restart of the operator',
    async (_, fault, longestMs) => {
      const application = unregistered();
      const waits: number[] = [];
      for (let failure = 0; failure < 14; failure++) {
        application.stack.failNext(ACCOUNT, fault);
        const { verdict, retryAfterMs = 0 } = await step(application);
        expect(verdict.reason).toBe('RetryLater');
        waits.push(retryAfterMs);
        await application.clock.advance(retryAfterMs - 1);
        expect(await step(application)).toMatchObject({
          verdict: { reason: 'RetryLater', status: 'False' },
          retryAfterMs: 1,
        });
        await application.clock.advance(1);
      }
      expect(waits.slice(0, 5)).toEqual([5_000, 10_000, 20_000, 40_000, 80_000]);
      expect(waits.at(-1)).toBe(longestMs);
      expect(calls(application)).toHaveLength(14);
      expect((await step(application)).verdict.reason).toBe('WaitingForCode');
      expect(application.journal.registration?.failures).toBeUndefined();
    },
  );

  it('knows that a request did not leave if the operator lost its lease right before', async () => {
    const application = unregistered();
    const pass = application.pass();
    let calls = 0;
    const kept = {
      ...pass,
      asAdmin: async <T>() => {
        if (++calls > 1)
          throw new CodedError('NotLeader', 'the leader lease has expired; nothing is written');
        return undefined as T;
      },
    };
    const { verdict } = await takeRegistrationStep(kept, false);
    expect(verdict).toMatchObject({ reason: 'RetryLater', message: expect.stringContaining('lease') });
    await application.clock.advance(5_000);
    expect((await step(application)).verdict.reason).toBe('WaitingForCode');
  });

  it('tries the code at once after an internal error, because it may have been sent', async () => {
    const application = unregistered(CODE);
    application.stack.failNext(ACCOUNT, { refuse: 1014, act: true });
    expect((await step(application)).verdict.reason).toBe('RetryLater');
    expect((await step(application)).verdict.reason).toBe('Registered');
    expect(application.stack.state.codeRequests).toBe(1);
  });

  it('waits after an internal error whose request never arrived, although a code is there', async () => {
    const application = unregistered(CODE);
    for (let failure = 0; failure < 3; failure++) {
      application.stack.failNext(ACCOUNT, { refuse: 1014 });
      await step(application);
      const tried = await step(application);
      expect(tried).toMatchObject({ verdict: { reason: 'Retrying' }, retryAfterMs: 5_000 * 2 ** failure });
      expect((await step(application)).verdict.reason).toBe('RetryLater');
      await application.clock.advance(tried.retryAfterMs ?? 0);
    }
    expect(calls(application).filter((call) => call === ACCOUNT)).toHaveLength(3);
    await step(application);
    expect((await step(application)).verdict.reason).toBe('Registered');
  });

  it('requests a code again after an internal error if the code there is an old one', async () => {
    const application = unregistered('000000');
    application.stack.state.codeRequestedAtMs = 0;
    application.stack.failNext(ACCOUNT, { refuse: 1014 });
    await step(application);
    expect(await step(application)).toMatchObject({
      verdict: { reason: 'CodeRefused', message: expect.stringContaining('Secret registration, key code') },
      retryAfterMs: 5_000,
    });
    expect((await step(application)).verdict.reason).toBe('RetryLater');
    await application.clock.advance(5_000);
    expect((await step(application)).verdict.reason).toBe('CodeRequested');
    expect(application.stack.state.codeRequests).toBe(1);
  });

  it('makes no call while Coreapps restart or none is ready, and none is used up', async () => {
    const application = unregistered();
    application.journals.writeElsewhere((journal) => ({ ...journal, coreappRestarts: 1 }));
    application.journals.sync();
    expect((await step(application)).verdict).toMatchObject({
      reason: 'RestartingCoreapps',
      message: expect.stringContaining('shop-coreapp-0-0'),
    });
    application.restartPods();
    application.pods = application.pods.map((pod) => ({ ...pod, ready: false }));
    expect((await step(application)).verdict.reason).toBe('RestartingCoreapps');
    expect(application.stack.takeCalls()).toEqual([]);
    expect(application.journal.registration).toBeUndefined();
    application.pods = application.pods.map((pod) => ({ ...pod, ready: true }));
    expect((await step(application)).verdict.reason).toBe('WaitingForCode');
  });

  it.each([
    ['missing', {}, 'SecretMissing', /Secret pin has no key pin \(spec\.registration\.pinSecretRef\)/],
    ['blank', { pin: ' \n' }, 'SecretMissing', /key pin of Secret pin .*is blank/],
    ['too short', { pin: '12345' }, 'PinRefused', /Secret pin, key pin .*six digits/],
    ['in two lines', { pin: '123\n456' }, 'PinRefused', /Secret pin, key pin .*six digits/],
  ])(
    'makes no call with a PIN that is %s, and names Secret, key and field',
    async (_, pin, reason, message) => {
      const spec = { registration: { ...REFERENCES, pinSecretRef: { name: 'pin', key: 'pin' } } };
      const application = new FakeApplication(spec, { secrets: { ...secret(), pin } });
      expect((await step(application)).verdict).toMatchObject({
        reason,
        message: expect.stringMatching(message),
      });
      expect(application.stack.takeCalls()).toEqual([]);
      expect(application.journal.registration).toBeUndefined();
      application.secrets = { ...secret(), pin: { pin: '123456\n' } };
      expect((await step(application)).verdict.reason).toBe('WaitingForCode');
      expect(application.stack.takeWrites()[0]?.[1]).toMatchObject({ pin: '123456' });
    },
  );

  it('says which Secret holds the PIN that the stack calls wrong', async () => {
    const spec = { registration: { ...REFERENCES, pinSecretRef: { name: 'pin', key: 'pin' } } };
    const application = new FakeApplication(spec, { secrets: { ...secret(), pin: { pin: '123456' } } });
    application.stack.failNext(ACCOUNT, {
      refuse: 1005,
      details: "Registration failed for reason 'incorrect_pin'.",
    });
    expect((await step(application)).verdict).toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining('the PIN in Secret pin, key pin, is wrong'),
    });
  });

  it.each([
    [
      'a certificate with a line end inside',
      { certificate: `${CERTIFICATE.slice(0, 20)}\n${CERTIFICATE.slice(20)}` },
      'certificate',
    ],
    ['a certificate that is no base64', { certificate: 'to do: paste it here' }, 'certificate'],
  ])('makes no call with %s', async (_, registration, key) => {
    const application = new FakeApplication({ registration: REFERENCES }, { secrets: { registration } });
    expect((await step(application)).verdict).toMatchObject({
      reason: 'SecretRefused',
      message: expect.stringContaining(`Secret registration, key ${key}`),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('tries no code that cannot be one', async () => {
    const application = unregistered('12 34');
    await step(application);
    expect((await step(application)).verdict).toMatchObject({
      reason: 'SecretRefused',
      message: expect.stringMatching(/Secret registration, key code.*six digits/),
    });
    expect(calls(application)).toEqual([ACCOUNT]);
    application.secrets = secret(CODE);
    expect((await step(application)).verdict.reason).toBe('Registered');
  });

  it('records what a request led to although the journal was written meanwhile', async () => {
    const application = unregistered();
    application.journals.failWrite(2, 'conflict');
    expect((await step(application)).verdict.reason).toBe('WaitingForCode');
    expect(application.journal.registration?.phase).toBe('code-requested');
  });

  it('is not called lost before the nodes had time to report it', async () => {
    const application = unregistered(CODE);
    await step(application);
    application.stack.lagMs = 20_000;
    expect((await step(application)).verdict.reason).toBe('Registered');
    expect((await step(application)).verdict).toMatchObject({ status: 'True', reason: 'Registered' });
    application.stack.state.isRegistered = false;
    await application.clock.advance(60_000);
    expect((await step(application)).verdict).toMatchObject({
      reason: 'RegistrationLost',
      message: expect.stringContaining('2026-03-01'),
    });
  });

  it('has no time of registration if another client registered the number', async () => {
    const application = unregistered();
    application.stack.state.isRegistered = true;
    await step(application);
    expect(application.journal.registration).toMatchObject({ phase: 'registered' });
    expect(application.journal.registration?.registeredAt).toBeUndefined();
  });

  it('has the time at which the operator sent the code if the answer was lost', async () => {
    const application = unregistered(CODE);
    await step(application);
    application.stack.failNext(VERIFY, { lose: 'after' });
    await step(application);
    await application.clock.advance(3_600_000);
    await step(application);
    expect(application.journal.registration?.registeredAt).toBe('2026-03-01T00:00:00.000Z');
  });

  it('tries a wrong code once, and the corrected one', async () => {
    const application = unregistered('000000');
    await step(application);
    expect((await step(application)).verdict).toMatchObject({
      reason: 'CodeRefused',
      message: expect.stringContaining('incorrect_code'),
    });
    expect((await step(application)).verdict).toMatchObject({
      reason: 'CodeRefused',
      message: expect.stringMatching(/Secret registration, key code.*spec\.registration\.attempt/),
    });
    expect(calls(application)).toEqual([ACCOUNT, VERIFY]);
    application.secrets = secret(CODE);
    expect((await step(application)).verdict.reason).toBe('Registered');
  });

  it.each([1011, 1014])(
    'tries a code again if the stack could not process it at the moment (%i)',
    async (code) => {
      const application = unregistered(CODE);
      await step(application);
      for (const waitMs of [5_000, 10_000]) {
        application.stack.failNext(VERIFY, { refuse: code });
        expect(await step(application)).toMatchObject({
          verdict: { reason: 'RetryLater' },
          retryAfterMs: waitMs,
        });
        expect((await step(application)).verdict.reason).toBe('RetryLater');
        await application.clock.advance(waitMs);
      }
      expect((await step(application)).verdict.reason).toBe('Registered');
      expect(application.stack.state.codeRequests).toBe(1);
    },
  );

  it('tries no code twice after a lost answer, and finishes once the stack reports that it is registered', async () => {
    const application = unregistered(CODE);
    await step(application);
    application.stack.lagMs = 60_000;
    application.stack.failNext(VERIFY, { lose: 'after' });
    expect((await step(application)).verdict.reason).toBe('OutcomeUnknown');
    expect((await step(application)).verdict.reason).toBe('OutcomeUnknown');
    await application.clock.advance(60_000);
    expect((await step(application)).verdict.reason).toBe('Registered');
    expect(application.stack.state.registrations).toBe(1);
    expect(calls(application)).toEqual([ACCOUNT, VERIFY]);
    expect(application.journal.registration?.phase).toBe('registered');
  });

  it.each([
    ['a code request', undefined, 0],
    ['a try of a code', CODE, 1],
  ] as const)('makes no call when another process has written the journal: %s', async (_, code, before) => {
    const application = unregistered(code);
    for (let pass = 0; pass < before; pass++) await step(application);
    application.stack.takeCalls();
    application.journals.failWrite(1, 'conflict');
    await expect(step(application)).rejects.toMatchObject({ code: 'Conflict' });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('requests no second code when the answer to the journal was lost right before the call', async () => {
    const application = unregistered();
    application.journals.failWrite(1, 'lost');
    await expect(step(application)).rejects.toThrow();
    application.journals.sync();
    expect((await step(application)).verdict.reason).toBe('OutcomeUnknown');
    expect(application.stack.state.codeRequests).toBe(0);
  });

  it.each([
    ['no key', { registration: {} }, { registration: REFERENCES }, /Secret registration, key certificate/],
    [
      'a blank one',
      { registration: { certificate: ' \n' } },
      { registration: REFERENCES },
      /Secret registration, key certificate/,
    ],
    ['no reference', {}, {}, /spec\.registration\.certificateSecretRef/],
  ])('without a certificate says where to put it: %s', async (_, secrets, spec, message) => {
    const application = new FakeApplication(spec, { secrets });
    expect((await step(application)).verdict).toMatchObject({
      status: 'False',
      reason: 'CertificateMissing',
      message: expect.stringMatching(message),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('uses the generated certificate and code if none are declared', async () => {
    const application = new FakeApplication();
    application.ownSecrets = { 'shop-registration': { certificate: CERTIFICATE, code: CODE } };
    await step(application);
    expect((await step(application)).verdict.reason).toBe('Registered');
  });

  it('waits for a code while its key is blank', async () => {
    const application = unregistered('\n');
    await step(application);
    expect((await step(application)).verdict.reason).toBe('WaitingForCode');
    expect(calls(application)).toEqual([ACCOUNT]);
  });
});
