import * as z from 'zod';
import { REFUSED } from '../../../cloud/counterparts.ts';
import { knows } from '../../../onprem/clientBehaviour.ts';
import { isReadable } from '../../../onprem/media.ts';
import {
  about,
  businessProfile,
  complianceInfo,
  DEFAULT_ABOUT,
  EMPTY_PROFILE,
  type MediaProvider,
  mediaProviders,
  PHOTO,
} from '../../../onprem/profile.ts';
import type { Answer } from '../../http/route.ts';
import { profilePart } from '../../wire/networkProtocol.ts';
import { Refusal } from '../../wire/protocol.ts';
import { binaryAnswer, relayed } from '../respond.ts';
import { type Api, type Route, route } from '../route.ts';

/** Settings. Source: docs/onprem/api-admin.md §7–10. */

const APPLICATION = '/v1/settings/application';
const PROVIDERS = `${APPLICATION}/media/providers`;
const ABOUT = '/v1/settings/profile/about';
const PHOTO_PATH = '/v1/settings/profile/photo';
const BUSINESS = '/v1/settings/business/profile';
const COMPLIANCE = '/v1/settings/business/compliance_info';

interface Photo {
  readonly type: string;
  readonly base64: string;
}

const PROFILE: ReadonlySet<string> = new Set(profilePart.options);

/** Where the Cloud API is behind the stack, it keeps the profile. @throws Refusal 1011 while nobody knows what is there */
function placeOf({ backend }: Api, name: string): { isAtServers?: true } {
  const behind = backend();
  if (!PROFILE.has(name) || behind === undefined) return {};
  if (behind === 'unknown') throw new Refusal(1011, 'The servers of WhatsApp do not answer yet');
  return { isAtServers: true };
}

const read = async <T>(api: Api, name: string, otherwise: T): Promise<T> => {
  const { value } = await api.router.primary('getDocument', { name, ...placeOf(api, name) });
  return (value as T | undefined) ?? otherwise;
};
const write = async (api: Api, name: string, value?: unknown): Promise<Answer> => {
  const given = value === undefined ? {} : { value };
  await api.router.primary('setDocument', { name, ...given, ...placeOf(api, name) });
  return relayed(api.version);
};

export const settingsRoutes: readonly Route[] = [
  route(
    { method: 'GET', path: APPLICATION, access: 'admin', summary: 'Application settings', fidelity: 'exact' },
    async (_, { router, version }) =>
      relayed(version, 200, { settings: { application: await router.primary('getSettings', {}) } }),
  ),
  route(
    {
      method: 'PATCH',
      path: APPLICATION,
      access: 'admin',
      summary: 'Change some application settings',
      fidelity: 'inferred',
      note: 'the answer to an unknown field (1010) is not documented',
      body: z.record(z.string(), z.unknown()),
    },
    async ({ body }, { router, version }) => {
      await router.primary('patchSettings', body);
      return relayed(version);
    },
  ),
  route(
    {
      method: 'DELETE',
      path: APPLICATION,
      access: 'admin',
      summary: 'Application settings back to their defaults',
      fidelity: 'exact',
    },
    async (_, { router, version }) => {
      await router.primary('resetSettings', {});
      return relayed(version);
    },
  ),

  route(
    { method: 'GET', path: PROVIDERS, access: 'admin', summary: 'Media providers', fidelity: 'exact' },
    async (_, api) =>
      relayed(api.version, 200, {
        settings: {
          application: { media: { providers: await read<MediaProvider[]>(api, 'providers', []) } },
        },
      }),
  ),
  route(
    {
      method: 'POST',
      path: PROVIDERS,
      access: 'admin',
      summary: 'Add or replace a media provider; the body is an array',
      fidelity: 'exact',
      body: mediaProviders,
    },
    async ({ body }, api) => {
      const names = body.map(({ name }) => name);
      const others = (await read<MediaProvider[]>(api, 'providers', [])).filter(
        ({ name }) => !names.includes(name),
      );
      return write(api, 'providers', [...others, ...body]);
    },
  ),
  route(
    {
      method: 'DELETE',
      path: `${PROVIDERS}/:name`,
      access: 'admin',
      summary: 'Remove a media provider',
      fidelity: 'inferred',
      note: 'the answer for an unknown name (404) is not documented',
    },
    async ({ parameter }, api) => {
      const known = await read<MediaProvider[]>(api, 'providers', []);
      const others = known.filter(({ name }) => name !== parameter('name'));
      if (others.length === known.length) throw new Refusal(1006, 'No such media provider');
      return write(api, 'providers', others);
    },
  ),

  route(
    { method: 'GET', path: ABOUT, access: 'admin', summary: 'Text about the business', fidelity: 'exact' },
    async (_, api) =>
      relayed(api.version, 200, {
        settings: { profile: { about: await read(api, 'about', { text: DEFAULT_ABOUT }) } },
      }),
  ),
  route(
    {
      method: 'PATCH',
      path: ABOUT,
      access: 'admin',
      summary: 'Change that text',
      fidelity: 'exact',
      body: about,
    },
    async ({ body }, api) => write(api, 'about', body),
  ),
  route(
    {
      method: 'GET',
      path: PHOTO_PATH,
      access: 'admin',
      summary: 'Profile photo, or with ?format=link where it is',
      fidelity: 'simplified',
      note: 'the photo is answered as it was uploaded, not scaled; the link is the URL of this call',
    },
    async ({ query, request }, api) => {
      const photo = await read<Photo | undefined>(api, 'photo', undefined);
      if (!photo) throw new Refusal(1006, 'No picture set.');
      if (query('format') !== 'link') return binaryAnswer(Buffer.from(photo.base64, 'base64'), photo.type);
      const link = new URL(request.url);
      link.search = '';
      return relayed(api.version, 200, { settings: { profile: { photo: { link: link.href } } } });
    },
  ),
  route(
    {
      method: 'POST',
      path: PHOTO_PATH,
      access: 'admin',
      summary: 'Upload a profile photo: JPEG or PNG, up to 5 MB',
      fidelity: 'simplified',
      note: 'the photo is neither cropped to a square nor scaled',
    },
    async ({ request, read: readBytes }, api) => {
      const type = request.headers.get('content-type') ?? '';
      const bytes = await readBytes(PHOTO.largestBytes);
      if (!PHOTO.types.some((known) => known === type) || !isReadable(type, bytes))
        throw new Refusal(1014, 'The photo is not readable as image/jpeg or image/png', 400);
      return write(api, 'photo', { type, base64: bytes.toString('base64') } satisfies Photo);
    },
  ),
  route(
    {
      method: 'DELETE',
      path: PHOTO_PATH,
      access: 'admin',
      summary: 'Remove the profile photo',
      fidelity: 'inferred',
      note: 'only a third party documents this call',
    },
    async (_, api) => write(api, 'photo'),
  ),
  route(
    { method: 'GET', path: BUSINESS, access: 'admin', summary: 'Business profile', fidelity: 'exact' },
    async (_, api) =>
      relayed(api.version, 200, {
        settings: { business: { profile: await read(api, 'business', EMPTY_PROFILE) } },
      }),
  ),
  route(
    {
      method: 'POST',
      path: BUSINESS,
      access: 'admin',
      summary: 'Change the business profile; absent fields stay',
      fidelity: 'exact',
      body: businessProfile,
    },
    async ({ body }, api) => {
      const missing = Object.keys(EMPTY_PROFILE).find((name) => !(name in body));
      if (missing !== undefined && !knows(api.version, 'partialProfile'))
        throw new Refusal(1008, `${missing} is required`);
      return write(api, 'business', { ...(await read(api, 'business', EMPTY_PROFILE)), ...body });
    },
  ),
  route(
    {
      method: 'GET',
      path: COMPLIANCE,
      access: 'admin',
      summary: 'Compliance information',
      fidelity: 'inferred',
      since: 'compliance',
    },
    async (_, api) =>
      relayed(api.version, 200, {
        settings: { business: { compliance_info: await read(api, 'compliance', {}) } },
      }),
  ),
  route(
    {
      method: 'POST',
      path: COMPLIANCE,
      access: 'admin',
      summary: 'Set compliance information (India)',
      fidelity: 'inferred',
      since: 'compliance',
      body: complianceInfo,
    },
    async ({ body }, api) => write(api, 'compliance', body),
  ),

  route(
    {
      method: 'POST',
      path: '/v1/settings/backup',
      access: 'admin',
      summary: 'Registration and settings as one encrypted text',
      fidelity: 'inferred',
      note: 'the format of the text is our own',
      body: z.object({ password: z.string().min(1) }),
    },
    async ({ body }, { router, version }) =>
      relayed(version, 200, { settings: await router.primary('backup', body) }),
  ),
  route(
    {
      method: 'POST',
      path: '/v1/settings/restore',
      access: 'admin',
      summary: 'Take over a backup',
      fidelity: 'inferred',
      note: 'the answer to a wrong password (1005) is not documented',
      body: z.object({ password: z.string().min(1), data: z.string().min(1) }),
    },
    async ({ body }, { router, version, backend }) => {
      if (typeof backend() === 'object') throw new Refusal(REFUSED.restore.code, REFUSED.restore.details);
      await router.primary('restore', body);
      return relayed(version);
    },
  ),
];
