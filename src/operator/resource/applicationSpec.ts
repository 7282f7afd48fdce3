import { z } from 'zod';
import { ENTITY_TYPES, VERTICALS } from '../../onprem/profile.ts';
import {
  described,
  listByName,
  listOf,
  planned,
  secretKeyRef,
  secretRef,
  text,
  withRules,
} from './fields.ts';

/** What the operator does through the stack's own REST API. Source: docs/onprem/api-admin.md §7. */

export const registrationSpec = described(
  'How the number is registered.',
  z.object({
    method: described('How WhatsApp delivers the registration code.', z.enum(['SMS', 'Voice'])).default(
      'SMS',
    ),
    attempt: described(
      'Raise it to request another code. One code is requested per attempt.',
      z.int().min(1).max(1_000_000),
    ).default(1),
    certificateSecretRef: secretKeyRef(
      'certificate',
      'Base64 verified-name certificate from WhatsApp Manager.',
    ).optional(),
    codeSecretRef: secretKeyRef('code', 'The registration code, once it has arrived.').optional(),
    pinSecretRef: secretKeyRef(
      'pin',
      'Two-step verification PIN of the number, where one is set.',
    ).optional(),
    restoreFrom: planned(text(253, 'Name of a WhatsAppBackup to restore instead of registering.')).optional(),
  }),
);

const flag = (description: string) => described(description, z.boolean()).optional();

/** Fields of `/v1/settings/application`, in camelCase. Only declared ones are compared and repaired. */
export const settingsSpec = described(
  'Application settings of the stack. Only the fields set here are compared and repaired.',
  z.object({
    callbackPersist: flag('Keep callbacks in the database until acknowledged. Restarts Coreapps.'),
    callbackBackoffDelayMs: described(
      'First retry delay of a failed callback, in ms; grows by this amount.',
      z.int().min(0).max(86_400_000),
    ).optional(),
    maxCallbackBackoffDelayMs: described(
      'Upper limit of that delay, in ms.',
      z.int().min(0).max(86_400_000),
    ).optional(),
    media: described(
      'Media settings.',
      z.object({
        autoDownload: listOf(
          z.enum(['image', 'document', 'audio', 'video', 'voice', 'sticker']),
          6,
          'Kinds of inbound media that are downloaded; an empty list means none.',
        ).optional(),
      }),
    ).optional(),
    passThrough: flag('Delete messages locally once delivered or read. Restarts Coreapps.'),
    sentStatus: described(
      'Older switch for `sent` callbacks; prefer webhooks.message.sent.',
      z.boolean(),
    ).optional(),
    webhooks: described(
      'Webhook settings; the URL itself is spec.webhook.url.',
      z.object({
        maxConcurrentRequests: described(
          'Parallel callbacks: 6, 12, 18 or 24. Restarts Coreapps.',
          z.union([z.literal(6), z.literal(12), z.literal(18), z.literal(24)]),
        ).optional(),
        message: described(
          'Which receipts are sent to the webhook.',
          z.object({
            sent: described('`sent` receipts.', z.boolean()).optional(),
            delivered: described('`delivered` receipts.', z.boolean()).optional(),
            read: described('`read` receipts.', z.boolean()).optional(),
          }),
        ).optional(),
      }),
    ).optional(),
    heartbeatInterval: described(
      'Seconds between the checks of each Coreapp.',
      z.int().min(1).max(3600),
    ).optional(),
    unhealthyInterval: described(
      'Seconds of silence after which a Coreapp counts as unhealthy.',
      z.int().min(1).max(3600),
    ).optional(),
    axolotlContextStripingDisabled: flag('Turns off striping of the encryption context.'),
    notifyUserChangeNumber: flag('Webhook when a user changes number.'),
    showSecurityNotifications: flag('Webhook when the identity of a user changes.'),
    dbGarbagecollectorEnable: flag('Older form of garbagecollectorEnable. Restarts Coreapps.'),
    garbagecollectorEnable: described(
      'Automatic collection.',
      z.object({ messages: z.boolean().optional(), media: z.boolean().optional() }),
    ).optional(),
    skipReferralMediaDownload: flag('Do not download media of ad referrals.'),
    webhookPayloadConversationPricingmodelDisabled: flag('Omit conversation and pricing from statuses.'),
    verboseLogging: flag('Verbose logs.'),
    logLevel: text(32, 'Log level.').optional(),
    onCallPager: text(64, 'WhatsApp id that gets critical alerts (early versions).').optional(),
  }),
);

const complianceContact = z.object({
  email: text(128, 'Mail address.').optional(),
  landlineNumber: text(32, 'Landline number.').optional(),
  mobileNumber: text(32, 'Mobile number.').optional(),
});

export const profileSpec = described(
  'What people see of the business.',
  z.object({
    about: described('About text.', z.string().max(139)).optional(),
    photoSecretRef: secretKeyRef('photo', 'The profile photo, JPEG or PNG.').optional(),
    business: described(
      'Business profile.',
      z.object({
        address: z.string().max(256).optional(),
        description: z.string().max(256).optional(),
        email: z.string().max(128).optional(),
        vertical: z.enum(VERTICALS).optional(),
        websites: listOf(z.string().max(256), 2, 'Web sites, with scheme.').optional(),
      }),
    ).optional(),
    compliance: described(
      'Compliance information (India). The business profile needs an address.',
      z.object({
        entityName: text(128, 'Name of the legal entity.'),
        entityType: z.enum(ENTITY_TYPES),
        entityTypeCustom: text(128, 'Where the type is Other or Partnership.').optional(),
        isRegistered: described('Whether the entity is registered.', z.boolean()).optional(),
        customerCareDetails: complianceContact.optional(),
        grievanceOfficerDetails: complianceContact
          .extend({ name: text(128, 'Name of the officer.').optional() })
          .optional(),
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
        'CA bundle that verifies the receiver, where no public CA signed it.',
      ).optional(),
    }),
    [
      {
        cel: "self.url.startsWith('https://')",
        message: 'webhook.url must begin with https://; the stack refuses plain HTTP',
        check: ({ url }) => url.startsWith('https://'),
      },
    ],
  ),
);

export const usersSpec = listByName(
  withRules(
    z.object({
      name: described('User name.', z.string().min(4).max(32)),
      role: described('Only admin has ROLE_ADMIN.', z.enum(['ROLE_USER', 'ROLE_ADMIN'])).default('ROLE_USER'),
      passwordSecretRef: secretKeyRef('password', 'Its password.'),
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
  'Users of the API beside admin.',
);

export const twoStepSpec = described(
  'Two-step verification.',
  z.object({ pinSecretRef: secretKeyRef('pin', 'The 6-digit PIN to set.') }),
);

export const messageRetentionSpec = described(
  'When old messages are collected.',
  z.object({ schedule: text(128, 'Cron schedule of the message collection.').optional() }),
);

export const imagesSpec = described(
  'Images; required for stack OnPremises.',
  z.object({
    webapp: text(512, 'Image of the Webapp.').optional(),
    coreapp: text(512, 'Image of Coreapp, Master and the schema upgrade.').optional(),
    database: text(512, 'Image of the managed database.').optional(),
  }),
);

export const imagePullSecretsSpec = listByName(secretRef('A pull secret.'), 8, 'Pull secrets of all pods.');
