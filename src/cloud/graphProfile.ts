import * as z from 'zod';
import { EMPTY_PROFILE, type VERTICALS } from '../onprem/profile.ts';

/**
 * The public profile of `/v1/settings` and that of the Cloud API. Source: docs/onprem/cloud-migration.md §2. The names of the
 * industries are those that public clients of the Cloud API use: the reference does not list them.
 */

const INDUSTRIES: Readonly<Record<(typeof VERTICALS)[number], string>> = {
  Automotive: 'AUTO',
  'Beauty, Spa and Salon': 'BEAUTY',
  'Clothing and Apparel': 'APPAREL',
  Education: 'EDU',
  Entertainment: 'ENTERTAIN',
  'Event Planning and Service': 'EVENT_PLAN',
  'Finance and Banking': 'FINANCE',
  'Food and Grocery': 'GROCERY',
  'Public Service': 'GOVT',
  'Hotel and Lodging': 'HOTEL',
  'Medical and Health': 'HEALTH',
  'Non-profit': 'NONPROFIT',
  'Professional Services': 'PROF_SERVICES',
  'Shopping and Retail': 'RETAIL',
  'Travel and Transportation': 'TRAVEL',
  Restaurant: 'RESTAURANT',
  Other: 'OTHER',
};
const INDUSTRY_OF: Readonly<Record<string, string | undefined>> = INDUSTRIES;
const NO_INDUSTRY = 'UNDEFINED';

/** What Graph tells of a profile. */
export const graphProfile = z.looseObject({
  about: z.string().optional(),
  address: z.string().optional(),
  description: z.string().optional(),
  email: z.string().optional(),
  vertical: z.string().optional(),
  websites: z.array(z.string()).optional(),
  profile_picture_url: z.string().optional(),
});
export type GraphProfile = z.output<typeof graphProfile>;
export const PROFILE_FIELDS = Object.keys(graphProfile.shape);

/** Address, description, e-mail, industry and websites, as `/v1/settings/business/profile` has them. */
export type BusinessProfile = Readonly<Record<string, unknown>>;

/** As `GET /v1/settings/business/profile` answers. An industry without a counterpart is `Other`. */
export function businessOf({
  address,
  description,
  email,
  vertical,
  websites,
}: GraphProfile): BusinessProfile {
  const [industry] = Object.entries(INDUSTRIES).find(([, name]) => name === vertical) ?? ['Other'];
  const hasIndustry = vertical !== undefined && vertical !== '' && vertical !== NO_INDUSTRY;
  return {
    ...EMPTY_PROFILE,
    ...(address === undefined ? {} : { address }),
    ...(description === undefined ? {} : { description }),
    ...(email === undefined ? {} : { email }),
    ...(hasIndustry ? { vertical: industry } : {}),
    ...(websites === undefined ? {} : { websites }),
  };
}

/** The fields of `POST /{phone number id}/whatsapp_business_profile`. */
export function graphFieldsOf(profile: BusinessProfile): Record<string, unknown> {
  const { vertical, ...others } = profile;
  if (vertical === undefined) return others;
  const industry = INDUSTRY_OF[String(vertical)] ?? NO_INDUSTRY;
  return { ...others, vertical: industry };
}
