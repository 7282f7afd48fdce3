/**
 * What takes the place of each call and each callback of `/v1` at the Cloud API, and what the gateway refuses because nothing
 * does. Source: docs/onprem/cloud-migration.md §2, §12, §17.2, §17.7.
 */

/** What the gateway refuses, with the code and the details that the client is told. */
export const REFUSED = {
  shards: {
    code: 1009,
    details: 'A number of the Cloud API has one shard; its throughput grows on its own',
  },
  ttl: {
    code: 1009,
    details:
      'ttl: the Cloud API has no time to live of a message; set message_send_ttl_seconds of the template',
  },
  twoStepOff: {
    code: 1009,
    details: 'The Cloud API cannot switch two-step verification off; set another PIN instead',
  },
  photoRemoval: {
    code: 1009,
    details: 'The Cloud API cannot remove the photo; upload another one instead',
  },
  restore: {
    code: 1009,
    details:
      'The Cloud API takes a backup only when the number is registered; give it to the gateway as WABA_CLOUD_BACKUP',
  },
} as const;

/** A call of the Cloud API below its version. */
interface GraphCall {
  /** `POST /{phone number id}/messages`. */
  readonly line: string;
  /** What stands in the body where it does not follow from that of the `/v1` call, or that one is secret. */
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface Counterpart {
  /** In their order; empty: there is no counterpart. */
  readonly calls: readonly GraphCall[];
  /** What the developers of a client do about it, in one sentence or two. */
  readonly remedy: string;
  /** How the gateway refuses the call of `/v1`. One without a counterpart that is not refused, the stack answers itself. */
  readonly refused?: (typeof REFUSED)[keyof typeof REFUSED];
}

const call = (line: string, body?: GraphCall['body']): GraphCall => (body ? { line, body } : { line });
const none = (remedy: string): Counterpart => ({ calls: [], remedy });
const refused = (what: keyof typeof REFUSED, remedy: string = REFUSED[what].details): Counterpart => ({
  calls: [],
  remedy: `${remedy}.`,
  refused: REFUSED[what],
});

export const PRODUCT = { messaging_product: 'whatsapp' } as const;
export const MESSAGES = call('POST /{phone number id}/messages');
export const UPLOAD = call('POST /{phone number id}/media', {
  ...PRODUCT,
  type: '<content type>',
  file: '<the bytes, as a part of the form>',
});
const MEDIA = call('GET /{media id}');
const MEDIA_URL = call('GET <url of the media>');
const PROFILE = '/{phone number id}/whatsapp_business_profile';
const SUBSCRIPTION = '/{business account id}/subscribed_apps';
const PIN = '<six digits>';

const TOKEN = none(
  'Leave it out: the access token of a system user stands in every call, and ends in Meta’s Business settings.',
);
const USERS = none('Leave it out: users and their rights are those of Meta’s Business settings.');
const SETTINGS = none(
  'Leave it out: the Cloud API has no such settings; the URL of the webhook is a subscription.',
);
const PROVIDERS = none(
  'Leave it out: download the file with your credentials and upload it, or use a link that is public.',
);
const CERTIFICATES = none('Leave it out: Meta’s servers have certificates of their own.');
const WEBHOOK_CA = none('Leave it out: the webhook needs a certificate of a public CA.');
const STICKERS = none('Leave it out: keep your own list of stickers, and send one by media id or link.');
const STATE = none(
  'Leave it out: Meta runs the servers. GET /{phone number id}?fields=status,health_status tells whether the number works.',
);
const COLLECTION = none('Leave it out: Meta removes uploads after 30 days, and media of webhooks after 7.');
const COMPLIANCE = none('Leave it out: this is set in WhatsApp Manager.');

/** By method and path of `/v1`. */
export const COUNTERPARTS: Readonly<Record<string, Counterpart>> = {
  'POST /v1/messages': {
    calls: [MESSAGES],
    remedy: 'Post the message to the phone number id, with messaging_product and a + before the number.',
  },
  'PUT /v1/messages/{id}': {
    calls: [MESSAGES],
    remedy: 'Post the status read to the phone number id, with the Cloud id of the message in the body.',
  },
  'POST /v1/media': {
    calls: [UPLOAD],
    remedy:
      'Send a form with messaging_product, type and file, and read id of the answer. Ids of /v1 are unknown there: upload again.',
  },
  'GET /v1/media/{id}': {
    calls: [MEDIA, MEDIA_URL],
    remedy: 'Ask for the URL, which works for five minutes, and download from it with the access token.',
  },
  'GET /v1/media/{id}/download': {
    calls: [MEDIA, MEDIA_URL],
    remedy:
      'Ask for the URL at once: media of a webhook can be downloaded for 7 days, and nothing has to fetch it before.',
  },
  'DELETE /v1/media/{id}': {
    calls: [call('DELETE /{media id}')],
    remedy: 'Delete by the Cloud id. The answer is {"success": true}.',
  },
  'POST /v1/contacts': none(
    'Send without a check: the answer to a message tells contacts[].wa_id, and a number without WhatsApp fails with 131026.',
  ),
  'GET /v1/contacts/{waId}/identity': {
    calls: [
      call('POST /{phone number id}/settings', { user_identity_change: { enable_identity_key_check: true } }),
    ],
    remedy:
      'Switch the check on once, and keep contacts[].identity_key_hash of webhooks yourself: no call tells the hash of a person.',
  },
  'PUT /v1/contacts/{waId}/identity': none(
    'Send recipient_identity_key_hash with the message instead; with a hash that is not current, it fails with 137000.',
  ),
  'POST /v1/account': {
    calls: [call('POST /{phone number id}/request_code', { code_method: 'SMS', language: 'en_US' })],
    remedy: 'Ask for the code by the phone number id; certificate, cc and phone_number are left out.',
  },
  'POST /v1/account/verify': {
    calls: [
      call('POST /{phone number id}/verify_code', { code: PIN }),
      call('POST /{phone number id}/register', { ...PRODUCT, pin: PIN }),
    ],
    remedy: 'Verify the code, then register with a two-step PIN, which every number of the Cloud API has.',
  },
  'GET /v1/account/shards': none('Leave it out: the vendor raises the throughput of a number on its own.'),
  'POST /v1/account/shards': refused('shards'),
  'POST /v1/settings/account/two-step': {
    calls: [call('POST /{phone number id}', { pin: PIN })],
    remedy: 'Post the PIN to the phone number id.',
  },
  'DELETE /v1/settings/account/two-step': refused('twoStepOff'),
  'GET /v1/settings/application': {
    calls: [call(`GET ${SUBSCRIPTION}`)],
    remedy: 'Only the URL of the webhook has a counterpart: read it from the subscription of the account.',
  },
  'PATCH /v1/settings/application': {
    calls: [call(`POST ${SUBSCRIPTION}`)],
    remedy:
      'Only webhooks.url has a counterpart: subscribe the app, with a verify token that your endpoint answers. Leave the other settings out.',
  },
  'DELETE /v1/settings/application': SETTINGS,
  'GET /v1/settings/application/media/providers': PROVIDERS,
  'POST /v1/settings/application/media/providers': PROVIDERS,
  'DELETE /v1/settings/application/media/providers/{name}': PROVIDERS,
  'GET /v1/settings/profile/about': {
    calls: [call(`GET ${PROFILE}?fields=about`)],
    remedy: 'Read about of the business profile.',
  },
  'PATCH /v1/settings/profile/about': {
    calls: [call(`POST ${PROFILE}`)],
    remedy: 'Set about of the business profile.',
  },
  'GET /v1/settings/profile/photo': {
    calls: [call(`GET ${PROFILE}?fields=profile_picture_url`)],
    remedy: 'Read profile_picture_url of the business profile.',
  },
  'POST /v1/settings/profile/photo': {
    calls: [
      call('POST /{app id}/uploads'),
      call('POST /{upload id}'),
      call(`POST ${PROFILE}`, { ...PRODUCT, profile_picture_handle: '<handle of the upload>' }),
    ],
    remedy: 'Upload the picture in parts, and set the handle of the upload in the business profile.',
  },
  'DELETE /v1/settings/profile/photo': refused('photoRemoval'),
  'GET /v1/settings/business/profile': {
    calls: [call(`GET ${PROFILE}?fields=address,description,email,vertical,websites`)],
    remedy: 'Name the fields, and read data[0] of the answer.',
  },
  'POST /v1/settings/business/profile': {
    calls: [call(`POST ${PROFILE}`)],
    remedy: 'Add messaging_product, and write the industry as the Cloud API names it.',
  },
  'GET /v1/settings/business/compliance_info': COMPLIANCE,
  'POST /v1/settings/business/compliance_info': COMPLIANCE,
  'POST /v1/settings/backup': {
    calls: [
      call('POST /{phone number id}/register', {
        ...PRODUCT,
        pin: PIN,
        backup: { data: '<settings.data>', password: '<password of the backup>' },
      }),
    ],
    remedy:
      'Make the backup a last time, and give it to the registration: the number then moves without a code.',
  },
  'POST /v1/settings/restore': refused(
    'restore',
    'Give the backup to POST /{phone number id}/register; the Cloud API takes it at no other time',
  ),
  'POST /v1/certificates/external': CERTIFICATES,
  'GET /v1/certificates/external/ca': CERTIFICATES,
  'GET /v1/certificates/webhooks/ca': WEBHOOK_CA,
  'POST /v1/certificates/webhooks/ca': WEBHOOK_CA,
  'DELETE /v1/certificates/webhooks/ca': WEBHOOK_CA,
  'POST /v1/users/login': TOKEN,
  'POST /v1/users/logout': TOKEN,
  'POST /v1/users': USERS,
  'GET /v1/users/{username}': USERS,
  'PUT /v1/users/{username}': USERS,
  'DELETE /v1/users/{username}': USERS,
  'GET /v1/stickerpacks': STICKERS,
  'POST /v1/stickerpacks': STICKERS,
  'GET /v1/stickerpacks/{pack}': STICKERS,
  'PATCH /v1/stickerpacks/{pack}': STICKERS,
  'DELETE /v1/stickerpacks/{pack}': STICKERS,
  'GET /v1/stickerpacks/{pack}/stickers': STICKERS,
  'POST /v1/stickerpacks/{pack}/stickers': STICKERS,
  'GET /v1/stickerpacks/{pack}/stickers/{index}': STICKERS,
  'PATCH /v1/stickerpacks/{pack}/stickers/{index}': STICKERS,
  'DELETE /v1/stickerpacks/{pack}/stickers/{index}': STICKERS,
  'GET /v1/health': {
    calls: [call('GET /{phone number id}?fields=status,health_status')],
    remedy: 'Ask for the status of the number: it sends while it is CONNECTED.',
  },
  'GET /v1/support': STATE,
  'GET /v1/stats/app': STATE,
  'GET /v1/stats/app/internal': STATE,
  'GET /v1/stats/db': STATE,
  'GET /v1/stats/db/internal': STATE,
  'GET /metrics': STATE,
  'PUT /v1/services/message/gc': COLLECTION,
  'PUT /v1/services/media/gc': COLLECTION,
};

/** Callbacks of `/v1` whose event the webhook of the Cloud API does not tell, by what they tell. */
export const UNTOLD = {
  'status deleted': 'Nothing tells that a person deleted a message: leave out what waits for it.',
  'status warning':
    'There are no warnings: what is missing in a message makes it fail, or is told by nothing.',
  'status sending': 'The answer to the call takes its place.',
  'system user_identity_changed':
    'Compare contacts[].identity_key_hash with the one that you keep: no webhook tells the change itself.',
  errors: 'Errors come in the answers to calls, and in statuses that failed.',
  media_items: 'Download media when you need it: no webhook tells that it was fetched.',
  services: 'Leave it out: there is no collection that a client begins.',
} as const;
