import * as z from 'zod';

/**
 * What a gateway to the Cloud API tells of itself, and on which port and paths. The gateway writes it, the operator reads it.
 * Everything that Graph has told once stays until Graph tells something else, so a gateway that cannot reach Graph says so in
 * `graph` and keeps the rest. No secret, no name of a person and no text of a message is in it.
 */

/** Of the container of the gateway. `control` is never exposed to the Internet: who reaches it may unsubscribe. */
export const GATEWAY_PORTS = { sessions: 5222, webhook: 9092, control: 8080 } as const;

/** On the control port. */
export const GATEWAY_PATHS = {
  /** `GET`, 200 as soon as the sessions and the webhooks are served. Without a token. */
  health: '/healthz',
  /** `GET`, `GatewayStatus` as JSON. */
  status: '/status',
  /** `GET`, in the format of Prometheus. */
  metrics: '/metrics',
  /**
   * `POST`, without a body: removes the subscription, and subscribes no more until the process ends. 200 with `GatewayStatus`
   * when Graph has removed it, or if there was none; 502 with `GatewayStatus` when Graph did not, and a later call tries again.
   */
  unsubscribe: '/unsubscribe',
} as const;

/**
 * All paths but `health` demand `Authorization: Bearer <token>` with the token of this variable, or of the file that
 * `<variable>_FILE` names and that is read again when it changes. Without either, the port has only `health`.
 */
export const GATEWAY_TOKEN_VARIABLE = 'WABA_CONTROL_TOKEN';

/** ISO 8601, UTC. */
const time = z.iso.datetime();
/** A sentence for a person: code and words of Graph where Graph said something. */
const detail = z.string().max(1_024);

export const tokenState = z.enum([
  /** Graph accepted it at the last call, for both the number and the account. */
  'Valid',
  /** Graph refused it with 190: it has expired, was revoked, or is no token. */
  'Refused',
  /** Graph refused a call with 10 or 200–299: `whatsapp_business_messaging` or `…_management` is missing. */
  'PermissionMissing',
  /** It sees no object with the phone number id or the account id (100 with subcode 33), or the number is another one. */
  'WrongAccount',
  /** Graph has not answered yet since this token was read. */
  'Unknown',
]);

export const subscriptionState = z.enum([
  /** Graph accepted it, and it is renewed. */
  'Subscribed',
  /** The first attempt has no answer yet. */
  'Pending',
  /** Graph refused it, or did not get the verify token back from the URL. `detail` says which. */
  'Failed',
  /** No URL is set: somebody subscribes by hand. */
  'NotManaged',
  /** `unsubscribe` was called, and Graph removed it. */
  'Removed',
]);

export const gatewayStatus = z.object({
  graph: z.object({
    /** `v26.0` */
    version: z.string(),
    /** Of the last call. A refusal is an answer; a timeout, a 5xx and a failed connection are not. */
    isAnswering: z.boolean(),
    lastAnswerAt: time.optional(),
    /** Why not, while it is not answering. */
    detail: detail.optional(),
  }),
  /** Absent until Graph has told of the number once. */
  number: z
    .object({
      /** `status` of Graph as it is, `CONNECTED`. */
      status: z.string().max(64),
      /** Digits. */
      number: z.string().max(20),
      verifiedName: z.string().max(256),
      /** `name_status`, `APPROVED`. */
      nameStatus: z.string().max(64).optional(),
      /** `quality_rating`, `GREEN`. */
      quality: z.string().max(64).optional(),
      /** The messaging limit of the number or its portfolio, as Graph spells it, `TIER_1K`. */
      messagingLimit: z.string().max(64).optional(),
      /** Messages a second that the gateway sends at most. */
      throughput: z.number(),
      /** When Graph told it last. The gateway asks at least once a minute. */
      checkedAt: time,
    })
    .optional(),
  token: z.object({
    state: tokenState,
    detail: detail.optional(),
    /** When it ends. Absent if it has no end, or Graph has not told. */
    expiresAt: time.optional(),
  }),
  subscription: z.object({
    state: subscriptionState,
    url: z.string().max(2_048).optional(),
    detail: detail.optional(),
    /** When Graph accepted it last. */
    acceptedAt: time.optional(),
  }),
  sending: z.object({
    /** Why no message is posted now, in the words of the journal of the gateway; empty if nothing holds. */
    holds: z.array(z.string().max(256)).max(16),
    /** Messages that the Cloud API does not have yet, and those of unknown outcome among them. */
    waiting: z.int().min(0),
    unknownOutcome: z.int().min(0),
  }),
});
export type GatewayStatus = z.output<typeof gatewayStatus>;
