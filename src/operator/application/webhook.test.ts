import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { CHECK_WEBHOOK } from '../plan/facts/names.ts';
import { WebhookCheck } from './webhook.ts';
import type { WebhookProbe } from './webhookProbe.ts';

const KEY = 'default/shop';
const URL = 'https://receiver.test/hook';
const CA = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const WEBHOOKS_CA = '/v1/certificates/webhooks/ca';
const WITH_CA = { webhook: { url: URL, caSecretRef: { name: 'receiver', key: 'ca.crt' } } };

/** A receiver whose next answer a test sets, and which counts its probes. */
function receiver() {
  const probed: { url: string; ca: string | undefined }[] = [];
  const answer: { problem: string | undefined; layer: WebhookProbe['layer'] } = {
    problem: undefined,
    layer: 'Status',
  };
  const webhooks = new WebhookCheck(async ({ url, ca }) => {
    probed.push({ url, ca });
    return { ...answer, latencyMs: 40 };
  });
  return { webhooks, probed, answer };
}
const withCa = () => new FakeApplication(WITH_CA, { secrets: { receiver: { 'ca.crt': CA } } });

describe('the webhook', () => {
  it('causes no call and no probe if none is declared', async () => {
    const { webhooks, probed } = receiver();
    const application = new FakeApplication();
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({
      status: 'True',
      reason: 'NotConfigured',
    });
    expect(application.stack.takeCalls()).toEqual([]);
    expect(probed).toEqual([]);
  });

  it('is probed once while it answers, without a call if no CA is declared', async () => {
    const { webhooks, probed } = receiver();
    const application = new FakeApplication({ webhook: { url: URL } });
    for (let pass = 0; pass < 3; pass++) {
      expect(await webhooks.judge(KEY, application.pass())).toMatchObject({
        status: 'True',
        reason: 'Answers',
        message: expect.stringContaining('within 0.1 s'),
      });
      await application.clock.advance(3_600_000);
    }
    expect(probed).toEqual([{ url: URL, ca: undefined }]);
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('is not reported as broken when the operator may not connect to it', async () => {
    const webhooks = new WebhookCheck(async () => ({
      layer: 'Dns',
      problem: undefined,
      skipped: 'private',
      latencyMs: 1,
    }));
    const application = new FakeApplication({ webhook: { url: URL } });
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({
      status: 'True',
      reason: 'NotProbed',
      message: 'private',
    });
  });

  it('has its CA uploaded once, and is probed when the Coreapps have restarted', async () => {
    const { webhooks, probed } = receiver();
    const application = withCa();
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({
      status: 'False',
      reason: 'RestartingCoreapps',
      message: expect.stringContaining('shop-coreapp-0-0'),
    });
    expect(application.stack.takeWrites()).toEqual([[`POST ${WEBHOOKS_CA}`, CA]]);
    expect(probed).toEqual([]);
    application.restartPods();
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({ reason: 'Answers' });
    expect(application.stack.takeCalls()).toEqual([`GET ${WEBHOOKS_CA}`]);
    expect(probed).toEqual([{ url: URL, ca: CA }]);
    expect(application.journal.coreappRestarts).toBe(1);
  });

  it.each([
    ['spec.webhook.caSecretRef', { webhook: { url: URL } }, 'Answers'],
    ['spec.webhook', {}, 'NotConfigured'],
  ])('has its CA removed once %s is gone, and the Coreapps restart once more', async (_, spec, reason) => {
    const { webhooks } = receiver();
    const application = withCa();
    await webhooks.judge(KEY, application.pass());
    application.restartPods();
    await webhooks.judge(KEY, application.pass());
    application.stack.takeCalls();
    application.spec = spec;
    application.stack.failNext(`DELETE ${WEBHOOKS_CA}`, { lose: 'after' });
    await expect(webhooks.judge(KEY, application.pass())).rejects.toMatchObject({ code: 'Unreachable' });
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({
      reason: 'RestartingCoreapps',
      message: expect.stringContaining('removal'),
    });
    expect(application.stack.state.webhookCa).toBeUndefined();
    expect(application.journal.coreappRestarts).toBe(2);
    application.restartPods();
    application.stack.takeCalls();
    for (let pass = 0; pass < 2; pass++)
      expect((await webhooks.judge(KEY, application.pass())).reason).toBe(reason);
    expect(application.stack.takeCalls()).toEqual([]);
    application.spec = WITH_CA;
    await webhooks.judge(KEY, application.pass());
    expect(application.stack.state.webhookCa).toBe(CA);
  });

  it('leaves a CA alone that another client uploaded', async () => {
    const { webhooks } = receiver();
    const application = new FakeApplication({ webhook: { url: URL } });
    application.stack.state.webhookCa = CA;
    await webhooks.judge(KEY, application.pass());
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it.each([
    ['blank', ' \n', 'SecretMissing'],
    ['no certificate', 'to do', 'SecretRefused'],
  ])('has no CA uploaded that is %s', async (_, ca, reason) => {
    const application = new FakeApplication(WITH_CA, { secrets: { receiver: { 'ca.crt': ca } } });
    expect(await receiver().webhooks.judge(KEY, application.pass())).toMatchObject({
      reason,
      message: expect.stringMatching(/ca\.crt.*spec\.webhook\.caSecretRef/),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('has its CA uploaded once when the answer was lost, and the Coreapps still restart', async () => {
    const { webhooks } = receiver();
    const application = withCa();
    application.stack.failNext(`POST ${WEBHOOKS_CA}`, { lose: 'after' });
    await expect(webhooks.judge(KEY, application.pass())).rejects.toMatchObject({ code: 'Unreachable' });
    expect(application.journal.coreappRestarts).toBe(0);
    await webhooks.judge(KEY, application.pass());
    expect(application.stack.takeWrites()).toHaveLength(1);
    expect(application.journal.coreappRestarts).toBe(1);
  });

  it('has its CA uploaded again, with a restart, when another client removed it', async () => {
    const { webhooks } = receiver();
    const application = withCa();
    await webhooks.judge(KEY, application.pass());
    application.stack.state.webhookCa = undefined;
    await webhooks.judge(KEY, application.pass());
    expect(application.stack.takeWrites()).toHaveLength(2);
    expect(application.journal.coreappRestarts).toBe(2);
  });

  it('triggers no restart when the stack refuses its CA', async () => {
    const { webhooks } = receiver();
    const application = withCa();
    application.stack.failNext(`POST ${WEBHOOKS_CA}`, { refuse: 1009 });
    await expect(webhooks.judge(KEY, application.pass())).rejects.toMatchObject({ apiCode: 1009 });
    expect(application.journal.coreappRestarts).toBe(0);
  });

  it('turns the condition False without its CA, and names the Secret, the key and the field', async () => {
    const { webhooks, probed } = receiver();
    const application = new FakeApplication(WITH_CA, { secrets: { receiver: { other: '' } } });
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({
      status: 'False',
      reason: 'SecretMissing',
      message: expect.stringMatching(/Secret receiver has no key ca\.crt \(spec\.webhook\.caSecretRef\)/),
    });
    expect(application.stack.takeCalls()).toEqual([]);
    expect(probed).toEqual([]);
  });

  it.each([
    ['Dns', 'DnsFailed'],
    ['Connect', 'ConnectFailed'],
    ['Tls', 'TlsFailed'],
    ['Status', 'StatusFailed'],
  ] as const)('that fails at %s has the reason %s and the problem as its message', async (layer, reason) => {
    const { webhooks, answer } = receiver();
    Object.assign(answer, { layer, problem: 'what is wrong' });
    const application = new FakeApplication({ webhook: { url: URL } });
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({
      status: 'False',
      reason,
      message: 'what is wrong',
    });
    expect(webhooks.lastProbe(KEY)).toMatchObject({ layer });
  });

  it('is probed again a minute after a failure, and not before', async () => {
    const { webhooks, probed, answer } = receiver();
    answer.problem = 'what is wrong';
    const application = new FakeApplication({ webhook: { url: URL } });
    await webhooks.judge(KEY, application.pass());
    answer.problem = undefined;
    await application.clock.advance(59_000);
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({ status: 'False' });
    await application.clock.advance(1_000);
    expect(await webhooks.judge(KEY, application.pass())).toMatchObject({ status: 'True' });
    expect(probed).toHaveLength(2);
  });

  it('is probed again on request, and reports which request it answered', async () => {
    const { webhooks, probed } = receiver();
    const application = new FakeApplication({ webhook: { url: URL } });
    await webhooks.judge(KEY, application.pass());
    expect(webhooks.answeredRequest(KEY)).toBeUndefined();
    application.annotations = { [CHECK_WEBHOOK]: 'second' };
    await webhooks.judge(KEY, application.pass());
    await webhooks.judge(KEY, application.pass());
    expect(probed).toHaveLength(2);
    expect(webhooks.answeredRequest(KEY)).toBe('second');
    webhooks.forget(KEY);
    expect(webhooks.lastProbe(KEY)).toBeUndefined();
  });
});
