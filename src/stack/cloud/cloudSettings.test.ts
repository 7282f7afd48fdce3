import { expect, it } from 'vitest';
import { cloudSettings } from './cloudSettings.ts';

const GIVEN = {
  WABA_CLOUD_PHONE_NUMBER_ID: '106540352242922',
  WABA_CLOUD_BUSINESS_ACCOUNT_ID: '102290129340398',
  WABA_CLOUD_ACCESS_TOKEN_FILE: '/secrets/token',
  WABA_CLOUD_APP_SECRET: 'secret',
  WABA_CLOUD_VERIFY_TOKEN: 'verify',
};

it('has defaults for what is not given', () => {
  expect(cloudSettings(GIVEN)).toEqual({
    phoneNumberId: '106540352242922',
    businessAccountId: '102290129340398',
    secrets: {
      accessToken: { file: '/secrets/token' },
      appSecret: { text: 'secret' },
      verifyToken: { text: 'verify' },
    },
    graphVersion: 'v26.0',
    graphUrl: 'https://graph.facebook.com',
    webhookUrl: undefined,
    identity: 'Omit',
    contactRequest: expect.stringContaining('phone number'),
    controlToken: undefined,
    backup: undefined,
    throughput: undefined,
    unknownOutcomeMs: 900_000,
  });
});

it('names every variable that is missing or wrong', () => {
  const wrong = { ...GIVEN, WABA_CLOUD_PHONE_NUMBER_ID: '+1', WABA_CLOUD_APP_SECRET: '' };
  expect(() => cloudSettings(wrong)).toThrow(
    'WABA_CLOUD_PHONE_NUMBER_ID must be the digits of the phone number id; WABA_CLOUD_APP_SECRET is not set, and neither is WABA_CLOUD_APP_SECRET_FILE',
  );
});

it.each([
  ['https://hooks.example.com/webhook', true],
  ['http://127.0.0.1:9092/webhook', true],
  ['http://hooks.example.com/webhook', false],
])('takes the webhook URL %s: %s', (url, isTaken) => {
  const parse = () => cloudSettings({ ...GIVEN, WABA_CLOUD_WEBHOOK_URL: url });
  if (isTaken) expect(parse().webhookUrl).toBe(url);
  else expect(parse).toThrow('WABA_CLOUD_WEBHOOK_URL must be an https:// URL');
});
