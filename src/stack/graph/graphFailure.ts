import { randomBytes } from 'node:crypto';

/**
 * Errors of the Cloud API with their titles. Source of codes and titles: docs/onprem/cloud-migration.md §10, §17.6. Where it
 * gives no HTTP status, the status is inferred: 401 for a token, 403 for a right, 429 for a rate, 500 and 503 for what the
 * servers could not do, and 400 for the rest.
 */
const ERRORS: Readonly<Record<number, { readonly title: string; readonly status?: number }>> = {
  0: { title: 'AuthException', status: 401 },
  1: { title: 'API Unknown', status: 500 },
  2: { title: 'API Service', status: 503 },
  4: { title: 'Application request limit reached', status: 429 },
  10: { title: 'Permission denied', status: 403 },
  33: { title: 'Parameter value is not valid' },
  100: { title: 'Invalid parameter' },
  190: { title: 'Invalid OAuth access token', status: 401 },
  200: { title: 'Permission denied', status: 403 },
  368: { title: 'Temporarily blocked for policies violations', status: 403 },
  2200: { title: 'Callback verification failed' },
  2500: { title: 'Unknown path components' },
  80007: { title: 'Rate limit issues', status: 429 },
  130403: { title: 'Not allowed to message this person', status: 403 },
  130429: { title: 'Rate limit hit', status: 429 },
  130472: { title: "User's number is part of an experiment" },
  130497: { title: 'Business account is restricted from messaging users in this country', status: 403 },
  131000: { title: 'Something went wrong', status: 500 },
  131005: { title: 'Access denied', status: 403 },
  131008: { title: 'Required parameter is missing' },
  131009: { title: 'Parameter value is not valid' },
  131016: { title: 'Service unavailable', status: 500 },
  131021: { title: 'Recipient cannot be sender' },
  131026: { title: 'Message undeliverable' },
  131031: { title: 'Account has been locked', status: 403 },
  131037: { title: 'Display name is not approved' },
  131042: { title: 'Business eligibility payment issue' },
  131045: { title: 'Incorrect certificate', status: 500 },
  131047: { title: 'Re-engagement message' },
  131048: { title: 'Spam rate limit hit', status: 429 },
  131049: { title: 'Message not delivered to keep the ecosystem healthy' },
  131050: { title: 'User stopped marketing messages' },
  131051: { title: 'Unsupported message type' },
  131052: { title: 'Media download error' },
  131053: { title: 'Media upload error' },
  131055: { title: 'Method not allowed' },
  131056: { title: 'Pair rate limit hit', status: 429 },
  131057: { title: 'Account in maintenance mode', status: 500 },
  131062: { title: 'The recipient has to be a phone number' },
  131064: { title: 'Messaging is limited' },
  132000: { title: 'Template parameter count mismatch' },
  132001: { title: 'Template does not exist', status: 404 },
  132005: { title: 'Template hydrated text too long' },
  132007: { title: 'Template format character policy violated' },
  132012: { title: 'Template parameter format mismatch' },
  132015: { title: 'Template is paused' },
  132016: { title: 'Template is disabled' },
  132018: { title: 'Template parameters are wrong' },
  132068: { title: 'Flow is blocked' },
  132069: { title: 'Flow is throttled' },
  133004: { title: 'Server temporarily unavailable', status: 503 },
  133005: { title: 'Two-step verification PIN mismatch' },
  133006: { title: 'Phone number needs to be verified' },
  133008: { title: 'Too many two-step verification PIN guesses' },
  133010: { title: 'Phone number not registered' },
  133016: { title: 'Account register rate limit exceeded', status: 429 },
  134011: { title: 'Payments terms are not accepted' },
  135000: { title: 'Generic user error' },
  136025: { title: 'Wrong verification code' },
  137000: { title: 'Recipient identity key hash mismatch' },
};

export const graphErrorTitle = (code: number): string => ERRORS[code]?.title ?? 'Error';

/** Codes whose message names them in front, and whose data name the product: those of the product itself. */
const isOfProduct = (code: number): boolean => code >= 130_000;

/** What a call of the Graph API is refused with. */
export class GraphFailure extends Error {
  readonly code: number;
  readonly status: number;
  readonly #details: string;
  readonly #subcode: number | undefined;

  constructor(code: number, details: string, { subcode }: { subcode?: number | undefined } = {}) {
    super(details);
    this.name = 'GraphFailure';
    this.code = code;
    this.status = ERRORS[code]?.status ?? 400;
    this.#details = details;
    this.#subcode = subcode;
  }

  /** The body of the answer. */
  body(): object {
    const { code } = this;
    const title = isOfProduct(code) || code === 100 ? `(#${code}) ${graphErrorTitle(code)}` : undefined;
    return {
      error: {
        // The details of other errors stand in the message alone.
        message: isOfProduct(code) ? title : code === 100 ? `(#100) ${this.#details}` : this.#details,
        type: 'OAuthException',
        code,
        ...(isOfProduct(code)
          ? { error_data: { messaging_product: 'whatsapp', details: this.#details } }
          : {}),
        ...(this.#subcode === undefined ? {} : { error_subcode: this.#subcode }),
        fbtrace_id: `A${randomBytes(16).toString('base64url')}`,
      },
    };
  }
}

/** @returns the failure of a call about what does not exist, or is not for this token */
export const unknownObject = (id: string, method: string): GraphFailure =>
  new GraphFailure(
    100,
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`,
    { subcode: 33 },
  );
