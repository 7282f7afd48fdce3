import * as z from 'zod';

/** The public profile. Source: docs/onprem/api-admin.md §9. */

export const DEFAULT_ABOUT = 'Hey there! I am using WhatsApp.';
/** `PATCH /v1/settings/profile/about`. */
export const about = z.object({ text: z.string().min(1).max(139) });

export const PHOTO = { largestBytes: 5 * 1024 * 1024, types: ['image/jpeg', 'image/png'] } as const;

export const VERTICALS = [
  'Automotive',
  'Beauty, Spa and Salon',
  'Clothing and Apparel',
  'Education',
  'Entertainment',
  'Event Planning and Service',
  'Finance and Banking',
  'Food and Grocery',
  'Public Service',
  'Hotel and Lodging',
  'Medical and Health',
  'Non-profit',
  'Professional Services',
  'Shopping and Retail',
  'Travel and Transportation',
  'Restaurant',
  'Other',
] as const;

/** `POST /v1/settings/business/profile`; from v2.23 on, absent fields keep their values. */
export const businessProfile = z
  .strictObject({
    address: z.string().max(256),
    description: z.string().max(256),
    email: z.union([z.literal(''), z.email().max(128)]),
    vertical: z.enum(['', ...VERTICALS]),
    websites: z
      .array(
        z
          .string()
          .max(256)
          .regex(/^https?:\/\//, 'must begin with http:// or https://'),
      )
      .max(2),
  })
  .partial();
export const EMPTY_PROFILE = { address: '', description: '', email: '', vertical: '', websites: [] };

export const ENTITY_TYPES = [
  'Limited liability partnership',
  'Sole proprietorship',
  'Partnership',
  'Public Company',
  'Private Company',
  'Other',
] as const;
const contact = { email: z.string(), landline_number: z.string(), mobile_number: z.string() };
/** `POST /v1/settings/business/compliance_info`. */
export const complianceInfo = z.strictObject({
  entity_name: z.string().min(1),
  entity_type: z.enum(ENTITY_TYPES),
  entity_type_custom: z.string().optional(),
  is_registered: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
    .optional(),
  customer_care_details: z.object(contact).partial().optional(),
  grievance_officer_details: z
    .object({ name: z.string(), ...contact })
    .partial()
    .optional(),
});

/** `POST /v1/settings/application/media/providers`: an array with one provider. */
export const mediaProvider = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9 _-]{1,200}$/, 'letters, digits, space, - and _, up to 200'),
  type: z.literal('www'),
  config: z.union([
    z.strictObject({ basic: z.strictObject({ username: z.string(), password: z.string() }) }),
    z.strictObject({ bearer: z.string().min(1) }),
  ]),
});
export const mediaProviders = z.array(mediaProvider).min(1);
export type MediaProvider = z.output<typeof mediaProvider>;
