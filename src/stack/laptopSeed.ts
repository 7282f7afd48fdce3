import { load } from 'js-yaml';
import * as z from 'zod';
import { CodedError } from '../base/codedError.ts';
import { about, businessProfile, EMPTY_PROFILE } from '../onprem/profile.ts';
import { settingsPatch } from '../onprem/settings.ts';
import { newUser, passwordProblem } from '../onprem/users.ts';
import { type Behaviour, behaviour } from './network/behaviour.ts';
import { catalog } from './network/catalog.ts';
import type { Network } from './network/network.ts';
import { templateEntry } from './network/templates.ts';
import { USER_ID } from './network/userId.ts';
import type { ConfigStore } from './store/configStore.ts';
import type { WebStore } from './store/webStore.ts';
import { apiFault } from './wire/apiFault.ts';

const seed = z
  .strictObject({
    users: z
      .array(
        newUser.superRefine(({ password }, context) => {
          const message = passwordProblem(password);
          if (message !== undefined) context.addIssue({ code: 'custom', message, path: ['password'] });
        }),
      )
      .max(1000),
    /** Of admin. */
    password: z.string().superRefine((password, context) => {
      const message = passwordProblem(password);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    }),
    settings: settingsPatch,
    about,
    business: businessProfile,
    templates: z.array(templateEntry).max(10_000),
    catalog,
    /** Of API calls. */
    faults: z.array(apiFault).max(1_000),
    people: z
      .array(
        z.strictObject({
          waId: z.string().regex(/^[0-9]{6,15}$/),
          name: z.string().max(256).optional(),
          /** Numbers that reach the person, where no rule makes the WhatsApp id of them. */
          dialled: z
            .array(z.string().regex(/^[0-9]{6,15}$/))
            .max(10)
            .optional(),
          behaviour: behaviour.partial().optional(),
          /** Business-scoped, for the Graph API. */
          userId: z.string().regex(USER_ID, 'must be like US.13491208655302741918').optional(),
          /** The Graph API tells no number of theirs. */
          hidesNumber: z.boolean().optional(),
        }),
      )
      .max(100_000),
  })
  .partial();
/** Its JSON Schema, by which editors check and complete such a file. */
export const seedSchema = (): Record<string, unknown> =>
  z.toJSONSchema(seed, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
/** Initial state of an emulator: users, settings, profile, templates, people. */
export type LaptopSeed = z.output<typeof seed>;

/** Reads YAML or JSON. @throws CodedError `BadConfig` with every mistake and its path */
export function parseSeed(text: string): LaptopSeed {
  let content: unknown;
  try {
    content = text.trim() === '' ? {} : load(text);
  } catch (cause) {
    throw new CodedError(
      'BadConfig',
      `the file is not valid YAML: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
      },
    );
  }
  const parsed = seed.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new CodedError('BadConfig', z.prettifyError(parsed.error));
}

/** What the stack itself holds. Whatever the seed does not name stays as it is, so a second start changes nothing. */
export async function seedStack(
  { users = [], settings, about: text, business }: LaptopSeed,
  { config, web }: { readonly config: ConfigStore; readonly web: WebStore },
): Promise<void> {
  for (const { username, password } of users)
    if (!(await web.createUser(username, password))) await web.setPassword(username, password);
  if (settings) await config.patchSettings(settings);
  if (text) await config.saveDocument('about', text);
  if (business) await config.saveDocument('business', { ...EMPTY_PROFILE, ...business });
}

/** What the simulated servers of WhatsApp hold. */
export async function seedNetwork(
  { templates, catalog: linked, faults, people = [] }: LaptopSeed,
  { network, number }: { readonly network: Network; readonly number: string },
  signal: AbortSignal,
): Promise<void> {
  if (templates) await network.setTemplates(number, templates);
  if (linked) await network.setCatalog(number, linked);
  if (faults) await network.apiFaults.set(faults, signal);
  // A parsed object has no undefined fields.
  for (const { waId, name, dialled, behaviour: how, userId, hidesNumber } of people) {
    await network.people.set(waId, { name, dialled, behaviour: (how ?? {}) as Partial<Behaviour> });
    if (userId !== undefined || hidesNumber !== undefined)
      await network.people.setId(waId, { userId, hidesNumber });
  }
}

/** @throws CodedError `BadConfig` for what only simulated servers can hold */
export function requireNoSimulation({ templates, catalog: linked, faults, people }: LaptopSeed): void {
  const [name] =
    Object.entries({ templates, catalog: linked, faults, people }).find(([, value]) => value) ?? [];
  if (name !== undefined)
    throw new CodedError(
      'BadConfig',
      `${name}: the Cloud API decides on it; remove it from the seed, or leave out --cloud`,
    );
}
