import * as z from 'zod';
import { ENTITY_TYPES, VERTICALS } from '../../onprem/profile.ts';
import { described, listByName, listOf, secretKeyRef, secretRef, text, withRules } from './fields.ts';
import { restoreFrom } from './restoreSpec.ts';
import { schedule } from './schedule.ts';
import { HTTPS_URL } from './webAddress.ts';

const httpsUrl = new RegExp(HTTPS_URL);

/** Fields that the operator applies through the stack's own REST API. Source: docs/onprem/api-admin.md §7. */

export const registrationSpec = described(
  'How the operator registers the number with WhatsApp.',
  z.object({
    method: described('How WhatsApp delivers the registration code.', z.enum(['SMS', 'Voice'])).default(
      'SMS',
    ),
    attempt: described(
      'Increase this number to request another code. The operator requests one code per attempt.',
      z.int().min(1).max(1_000_000),
    ).default(1),
    certificateSecretRef: secretKeyRef(
      'certificate',
      'The verified-name certificate from WhatsApp Manager, in Base64.',
    ).optional(),
    codeSecretRef: secretKeyRef('code', 'The registration code that WhatsApp delivered.').optional(),
    pinSecretRef: secretKeyRef(
      'pin',
      'The two-step PIN that the number already has; needed to register such a number.',
    ).optional(),
    restoreFrom: restoreFrom.optional(),
  }),
);

const flag = (description: string) => described(description, z.boolean()).optional();

/** Fields of `/v1/settings/application`, in camelCase. Only declared ones are compared and repaired. */
export const settingsSpec = described(
  'Application settings of the stack. Only the fields set here are compared and repaired.',
  z.object({
    callbackPersist: flag(
      'Keep callbacks in the database until the webhook acknowledges them. Restarts Coreapps.',
    ),
    callbackBackoffDelayMs: described(
      'Delay before the first retry of a failed callback, in ms. Each retry adds this amount.',
      z.int().min(0).max(86_400_000),
    ).optional(),
    maxCallbackBackoffDelayMs: described(
      'Longest delay between retries of a callback, in ms.',
      z.int().min(0).max(86_400_000),
    ).optional(),
    media: described(
      'Media settings.',
      z.object({
        autoDownload: listOf(
          z.enum(['image', 'document', 'audio', 'video', 'voice', 'sticker']),
          6,
          'Types of inbound media that the stack downloads. An empty list means none.',
        ).optional(),
      }),
    ).optional(),
    passThrough: flag(
      'Delete messages from the database once they are delivered or read. Restarts Coreapps.',
    ),
    sentStatus: described(
      'Send `sent` callbacks. Older setting; prefer webhooks.message.sent.',
      z.boolean(),
    ).optional(),
    webhooks: described(
      'Webhook settings. The URL is spec.webhook.url.',
      z.object({
        maxConcurrentRequests: described(
          'Number of parallel callbacks: 6, 12, 18 or 24. Restarts Coreapps.',
          z.union([z.literal(6), z.literal(12), z.literal(18), z.literal(24)]),
        ).optional(),
        message: described(
          'Receipts that the stack sends to the webhook.',
          z.object({
            sent: described('`sent` receipts.', z.boolean()).optional(),
            delivered: described('`delivered` receipts.', z.boolean()).optional(),
            read: described('`read` receipts.', z.boolean()).optional(),
            sending: described(
              '`sending`: the gateway to the Cloud API has the message. Only with `stack: Cloud`; clients of the On-Premises API do not know it. Default: false.',
              z.boolean(),
            ).optional(),
          }),
        ).optional(),
      }),
    ).optional(),
    heartbeatInterval: described(
      'Seconds between two health checks of a Coreapp.',
      z.int().min(1).max(3600),
    ).optional(),
    unhealthyInterval: described(
      'Seconds without a heartbeat after which a Coreapp counts as unhealthy.',
      z.int().min(1).max(3600),
    ).optional(),
    axolotlContextStripingDisabled: flag('Turn off striping of the encryption context.'),
    notifyUserChangeNumber: flag('Call the webhook when a WhatsApp user changes the phone number.'),
    showSecurityNotifications: flag('Call the webhook when the identity of a WhatsApp user changes.'),
    dbGarbagecollectorEnable: flag('Older form of garbagecollectorEnable. Restarts Coreapps.'),
    garbagecollectorEnable: described(
      'What the stack garbage-collects automatically.',
      z.object({
        messages: flag('Collect old messages.'),
        media: flag('Collect old media.'),
      }),
    ).optional(),
    skipReferralMediaDownload: flag('Do not download media of ad referrals.'),
    webhookPayloadConversationPricingmodelDisabled: flag(
      'Omit conversation and pricing from status callbacks.',
    ),
    verboseLogging: flag('Write verbose logs.'),
    logLevel: text(32, 'Log level of the stack.').optional(),
    onCallPager: text(64, 'WhatsApp id that receives critical alerts (early versions only).').optional(),
  }),
);

const complianceContact = z.object({
  email: text(128, 'Email address.').optional(),
  landlineNumber: text(32, 'Landline number.').optional(),
  mobileNumber: text(32, 'Mobile number.').optional(),
});

export const profileSpec = described(
  'The profile that WhatsApp users see.',
  z.object({
    about: described('About text.', z.string().max(139)).optional(),
    photoSecretRef: secretKeyRef('photo', 'The profile photo, JPEG or PNG.').optional(),
    business: described(
      'Business profile.',
      z.object({
        address: described('Address of the business.', z.string().max(256)).optional(),
        description: described('Description of the business.', z.string().max(256)).optional(),
        email: described('Email address of the business.', z.string().max(128)).optional(),
        vertical: described('Industry of the business.', z.enum(VERTICALS)).optional(),
        websites: listOf(z.string().max(256), 2, 'Websites, each with https:// or http://.').optional(),
      }),
    ).optional(),
    compliance: described(
      'Compliance information for businesses in India. It requires business.address.',
      z.object({
        entityName: text(128, 'Name of the legal entity.'),
        entityType: described('Type of the legal entity.', z.enum(ENTITY_TYPES)),
        entityTypeCustom: text(128, 'Details of the type; for types Other and Partnership.').optional(),
        isRegistered: described('Whether the entity is registered.', z.boolean()).optional(),
        customerCareDetails: described('Contact for customers.', complianceContact).optional(),
        grievanceOfficerDetails: described(
          'Contact for grievances.',
          complianceContact.extend({ name: text(128, 'Name of the officer.').optional() }),
        ).optional(),
      }),
    ).optional(),
  }),
);

export const webhookSpec = described(
  'Where the stack sends its callbacks.',
  withRules(
    z.object({
      url: described('HTTPS URL of the receiver.', z.string().min(1).max(2048)),
      caSecretRef: secretKeyRef(
        'ca.crt',
        'CA bundle that verifies the receiver. Needed unless a public CA signed its certificate.',
      ).optional(),
    }),
    [
      {
        cel: "self.url.startsWith('https://')",
        message: 'webhook.url must begin with https://, because the stack rejects plain HTTP',
        check: ({ url }) => url.startsWith('https://'),
      },
      {
        cel: `self.url.matches(r'${HTTPS_URL}')`,
        message:
          'webhook.url must be https://host or https://host:port with an optional path, without spaces; write other characters of a host name in Punycode',
        check: ({ url }) => httpsUrl.test(url),
      },
    ],
  ),
);

export const usersSpec = listByName(
  withRules(
    z.object({
      name: described('User name.', z.string().min(4).max(32)),
      role: described(
        'Role of the user. Only admin has ROLE_ADMIN.',
        z.enum(['ROLE_USER', 'ROLE_ADMIN']),
      ).default('ROLE_USER'),
      passwordSecretRef: secretKeyRef('password', 'Password of the user.'),
    }),
    [
      {
        cel: "self.name != 'admin' || self.role == 'ROLE_ADMIN'",
        message: 'the user admin always has role ROLE_ADMIN; set role to ROLE_ADMIN or choose another name',
        check: ({ name, role }) => name !== 'admin' || role === 'ROLE_ADMIN',
      },
      {
        cel: "self.name == 'admin' || self.role == 'ROLE_USER'",
        message: 'only the user admin has role ROLE_ADMIN; remove role',
        check: ({ name, role }) => name === 'admin' || role === 'ROLE_USER',
      },
    ],
  ),
  64,
  'Users of the API. An entry named admin sets the password of admin; otherwise the operator generates it.',
);

export const twoStepSpec = described(
  'Two-step verification.',
  z.object({ pinSecretRef: secretKeyRef('pin', 'The 6-digit two-step PIN to set.') }),
);

export const messageRetentionSpec = described(
  'Garbage collection of old messages.',
  z.object({ schedule: schedule('Cron schedule of the garbage collection, in UTC.').optional() }),
);

const image = (description: string) => described(description, z.string().min(1).max(512).regex(/^\S+$/));

export const imagesSpec = described(
  'Container images. Stack OnPremises requires webapp and coreapp.',
  z.object({
    webapp: image('Image of Webapps.').optional(),
    coreapp: image('Image of Coreapps, Masters and the schema Job.').optional(),
    database: image('Image of the managed database.').optional(),
  }),
);

export const imagePullSecretsSpec = listByName(
  secretRef('An image pull Secret.'),
  8,
  'Image pull Secrets for all pods of the stack.',
);
