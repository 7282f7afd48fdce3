import * as z from 'zod';

export const DEFAULT_ADMIN = { username: 'admin', password: 'secret' } as const;
/** Seconds that a token is valid: 7 days. */
export const TOKEN_LIFETIME_SECONDS = 604_800;

export const loginRequest = z.object({ new_password: z.string().optional() });
export const loginResponse = z.looseObject({
  users: z.array(z.looseObject({ token: z.string(), expires_after: z.string() })).min(1),
});

const roles = ['ROLE_ADMIN', 'ROLE_USER'] as const;
export type Role = (typeof roles)[number];

/**
 * Characters of no name: a colon ends the name in Basic credentials, a slash ends it in a path, and neither credentials
 * nor databases hold control characters and half characters.
 */
const NO_PART_OF_A_NAME = /[:/\p{Cc}\p{Surrogate}]/u;
const username = z
  .string()
  .min(4)
  .max(32)
  .refine(
    (name) => !NO_PART_OF_A_NAME.test(name),
    'must not contain a colon, a slash or a control character',
  );

/** Whether anybody can have this name. */
export const isUsername = (name: string): boolean => username.safeParse(name).success;

/** `POST /v1/users`. */
export const newUser = z.object({ username, password: z.string() });
/** `PUT /v1/users/{username}`. */
export const newPassword = z.object({ password: z.string() });
/** `ROLES` is one string, in upper case. */
export const userResponse = z.looseObject({
  users: z.array(z.looseObject({ username: z.string(), ROLES: z.enum(roles).optional() })).min(1),
});

/** Why a password is refused, or undefined. The rule: 8–64 characters, with upper case, lower case, digit and special. */
export function passwordProblem(password: string): string | undefined {
  if (password.length < 8 || password.length > 64) return 'Password must have 8 to 64 characters';
  const classes: [RegExp, string][] = [
    [/[0-9]/, 'a digit'],
    [/[A-Z]/, 'an upper-case letter'],
    [/[a-z]/, 'a lower-case letter'],
    [/[!"#$%&\\'()*+,\-./:;<=>?@[\]^_`{|}~]/, 'a special character'],
  ];
  const missing = classes.filter(([pattern]) => !pattern.test(password)).map(([, name]) => name);
  return missing.length === 0 ? undefined : `Password must contain ${missing.join(', ')}`;
}

/** `YYYY-MM-DD HH:MM:SS+00:00`, with a space where ISO 8601 has a T. */
export const formatExpiry = (epochSeconds: number): string =>
  new Date(epochSeconds * 1000)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '+00:00');

export const parseExpiry = (text: string): number => Date.parse(text.replace(' ', 'T'));
