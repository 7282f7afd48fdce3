import { z } from 'zod';
import { CodedError } from '../../base/codedError.ts';

/** How the gateway reaches the Cloud API, as the variables `WABA_CLOUD_…` of its container. */
const cloudEnvironment = z.object({
  WABA_CLOUD_PHONE_NUMBER_ID: z.string().regex(/^[0-9]{5,20}$/, 'must be the digits of the phone number id'),
  WABA_CLOUD_BUSINESS_ACCOUNT_ID: z
    .string()
    .regex(/^[0-9]{5,20}$/, 'must be the digits of the WhatsApp Business Account id'),
  /** Files, because their content changes while the gateway runs. */
  WABA_CLOUD_ACCESS_TOKEN_FILE: z.string().min(1),
  WABA_CLOUD_APP_SECRET_FILE: z.string().min(1),
  WABA_CLOUD_VERIFY_TOKEN_FILE: z.string().min(1),
  WABA_CLOUD_GRAPH_VERSION: z
    .string()
    .regex(/^v[0-9]+\.[0-9]+$/, 'must be a Graph version, v26.0')
    .default('v26.0'),
  WABA_CLOUD_GRAPH_URL: z
    .string()
    .regex(/^https?:\/\/[^/]+$/, 'must be a URL without a path')
    .default('https://graph.facebook.com'),
  /** Where Graph reaches the webhook port from outside; without it the app's own subscription is used. */
  WABA_CLOUD_WEBHOOK_URL: z
    .string()
    .regex(/^https:\/\/\S+$/, 'must be an https:// URL')
    .optional(),
  WABA_CLOUD_IDENTITY: z.enum(['Omit', 'BsuidInFrom']).default('Omit'),
  /** Messages a second; without it that of the number. */
  WABA_CLOUD_THROUGHPUT: z.coerce.number().int().min(1).max(1_000).optional(),
});

export interface CloudSettings {
  readonly phoneNumberId: string;
  readonly businessAccountId: string;
  readonly files: { readonly accessToken: string; readonly appSecret: string; readonly verifyToken: string };
  readonly graphVersion: string;
  readonly graphUrl: string;
  readonly webhookUrl: string | undefined;
  readonly identity: 'Omit' | 'BsuidInFrom';
  /** Messages a second. */
  readonly throughput: number | undefined;
}

/** @throws CodedError `BadEnvironment` that names each wrong variable */
export function cloudSettings(env: Readonly<Record<string, string | undefined>>): CloudSettings {
  const parsed = cloudEnvironment.safeParse(env);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => {
      const name = path.join('.');
      return env[name] === undefined ? `${name} is not set` : `${name} ${message}`;
    });
    throw new CodedError('BadEnvironment', problems.join('; '));
  }
  const given = parsed.data;
  return {
    phoneNumberId: given.WABA_CLOUD_PHONE_NUMBER_ID,
    businessAccountId: given.WABA_CLOUD_BUSINESS_ACCOUNT_ID,
    files: {
      accessToken: given.WABA_CLOUD_ACCESS_TOKEN_FILE,
      appSecret: given.WABA_CLOUD_APP_SECRET_FILE,
      verifyToken: given.WABA_CLOUD_VERIFY_TOKEN_FILE,
    },
    graphVersion: given.WABA_CLOUD_GRAPH_VERSION,
    graphUrl: given.WABA_CLOUD_GRAPH_URL,
    webhookUrl: given.WABA_CLOUD_WEBHOOK_URL,
    identity: given.WABA_CLOUD_IDENTITY,
    throughput: given.WABA_CLOUD_THROUGHPUT,
  };
}
