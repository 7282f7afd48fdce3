import * as z from 'zod';
import { CodedError } from '../../base/codedError.ts';
import { isPrivatePlainUrl } from '../../base/privatePlainUrl.ts';
import { GATEWAY_TOKEN_VARIABLE } from '../../cloud/gatewayStatus.ts';

/**
 * What becomes of people who show no number: `from` is left out, or is their business-scoped id, or they are asked for their
 * number once, and `from` is left out until they give it.
 */
const IDENTITIES = ['Omit', 'BsuidInFrom', 'RequestContact'] as const;

/** How the gateway reaches the Cloud API, as the variables `WABA_CLOUD_…` of its container. */
const cloudEnvironment = z.object({
  WABA_CLOUD_PHONE_NUMBER_ID: z.string().regex(/^[0-9]{5,20}$/, 'must be the digits of the phone number id'),
  WABA_CLOUD_BUSINESS_ACCOUNT_ID: z
    .string()
    .regex(/^[0-9]{5,20}$/, 'must be the digits of the WhatsApp Business Account id'),
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
    .refine(
      (url) => /^https:\/\/\S+$/.test(url) || isPrivatePlainUrl(url),
      'must be an https:// URL; http:// is for a simulated Cloud API in a private network',
    )
    .optional(),
  WABA_CLOUD_IDENTITY: z.enum(IDENTITIES).default('Omit'),
  /** What people without a visible number read when they are asked for it. */
  WABA_CLOUD_CONTACT_REQUEST_TEXT: z
    .string()
    .min(1)
    .max(1_024)
    .default('Please share your phone number with us, so that we can serve you.'),
  /** Messages a second; without it that of the number. */
  WABA_CLOUD_THROUGHPUT: z.coerce.number().int().min(1).max(1_000).optional(),
  WABA_CLOUD_UNKNOWN_OUTCOME_SECONDS: z.coerce.number().int().min(1).max(86_400).default(900),
});

/** A secret, or the file that holds it: the content of a file may change while the gateway runs. */
export type SecretSource = { readonly text: string } | { readonly file: string };
export type SecretName = 'accessToken' | 'appSecret' | 'verifyToken';
export type SecretSources = Readonly<Record<SecretName, SecretSource>>;

const SECRETS: Readonly<Record<SecretName, string>> = {
  accessToken: 'WABA_CLOUD_ACCESS_TOKEN',
  appSecret: 'WABA_CLOUD_APP_SECRET',
  verifyToken: 'WABA_CLOUD_VERIFY_TOKEN',
};

const BACKUP = 'WABA_CLOUD_BACKUP';

export interface CloudSettings {
  readonly phoneNumberId: string;
  readonly businessAccountId: string;
  readonly secrets: SecretSources;
  /** Whoever calls the control port must know it; without it the port tells only that the gateway lives. */
  readonly controlToken: SecretSource | undefined;
  /** What `POST /v1/settings/backup` of the On-Premises installation answered, for a number that moves to the Cloud API. */
  readonly backup: { readonly data: SecretSource; readonly password: SecretSource } | undefined;
  readonly graphVersion: string;
  readonly graphUrl: string;
  readonly webhookUrl: string | undefined;
  readonly identity: (typeof IDENTITIES)[number];
  /** The text of that question. */
  readonly contactRequest: string;
  /** Messages a second. */
  readonly throughput: number | undefined;
  /**
   * How long a status may take that names a message whose post had no known outcome. Only then is the message posted again: a
   * status that comes later means that the person got it twice.
   */
  readonly unknownOutcomeMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws CodedError `BadEnvironment` that names each wrong variable */
export function cloudSettings(env: Environment): CloudSettings {
  const parsed = cloudEnvironment.safeParse(env);
  const problems = [...(parsed.error?.issues ?? [])].map(({ path, message }) => {
    const name = path.join('.');
    return env[name] === undefined ? `${name} is not set` : `${name} ${message}`;
  });
  const source = (name: SecretName): SecretSource => {
    const variable = SECRETS[name];
    const found = sourceOf(env, variable);
    if (!found) problems.push(`${variable} is not set, and neither is ${variable}_FILE`);
    return found ?? { text: '' };
  };
  const [data, password] = [sourceOf(env, BACKUP), sourceOf(env, `${BACKUP}_PASSWORD`)];
  if (!data !== !password) problems.push(`${BACKUP} and ${BACKUP}_PASSWORD need each other`);
  const secrets = {
    accessToken: source('accessToken'),
    appSecret: source('appSecret'),
    verifyToken: source('verifyToken'),
  };
  if (!parsed.success || problems.length > 0) throw new CodedError('BadEnvironment', problems.join('; '));
  const given = parsed.data;
  return {
    phoneNumberId: given.WABA_CLOUD_PHONE_NUMBER_ID,
    businessAccountId: given.WABA_CLOUD_BUSINESS_ACCOUNT_ID,
    secrets,
    backup: data && password ? { data, password } : undefined,
    controlToken: sourceOf(env, GATEWAY_TOKEN_VARIABLE),
    graphVersion: given.WABA_CLOUD_GRAPH_VERSION,
    graphUrl: given.WABA_CLOUD_GRAPH_URL,
    webhookUrl: given.WABA_CLOUD_WEBHOOK_URL,
    identity: given.WABA_CLOUD_IDENTITY,
    contactRequest: given.WABA_CLOUD_CONTACT_REQUEST_TEXT,
    throughput: given.WABA_CLOUD_THROUGHPUT,
    unknownOutcomeMs: given.WABA_CLOUD_UNKNOWN_OUTCOME_SECONDS * 1_000,
  };
}

function sourceOf(env: Environment, variable: string): SecretSource | undefined {
  const [text, file] = [env[variable], env[`${variable}_FILE`]];
  if (file) return { file };
  return text ? { text } : undefined;
}
