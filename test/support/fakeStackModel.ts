import { waitDetails } from '../../src/onprem/account.ts';
import { codeHash, parseCertificate } from '../../src/onprem/emulatorCertificate.ts';
import { type ErrorCode, errorCatalogue } from '../../src/onprem/errorCatalogue.ts';
import { DEFAULT_ABOUT, EMPTY_PROFILE, type MediaProvider } from '../../src/onprem/profile.ts';
import { DEFAULT_SETTINGS, mergeSettings } from '../../src/onprem/settings.ts';
import { DEFAULT_ADMIN } from '../../src/onprem/users.ts';

/** The least time between two code requests. */
const CODE_COOLDOWN_MS = 10 * 60_000;

/** The state of a stack that the operator reads and writes. */
export interface StackState {
  users: Record<string, string>;
  settings: Record<string, unknown>;
  providers: MediaProvider[];
  about: string;
  photo: Buffer | undefined;
  business: Record<string, unknown>;
  compliance: Record<string, unknown>;
  webhookCa: string | undefined;
  /** Every PEM that was uploaded for the Webapps, oldest first. */
  certificates: string[];
  coreapps: number;
  shards: number;
  /** Number of shard changes, including repetitions of the same count. */
  shardChanges: number;
  isRegistered: boolean;
  registrations: number;
  codeRequests: number;
  codeRequestedAtMs: number | undefined;
  expectedCodeHash: string | undefined;
  pin: string | undefined;
  collections: { messages: number; media: number };
}

export const freshStack = (): StackState => ({
  users: { [DEFAULT_ADMIN.username]: DEFAULT_ADMIN.password },
  settings: structuredClone(DEFAULT_SETTINGS),
  providers: [],
  about: DEFAULT_ABOUT,
  photo: undefined,
  business: structuredClone(EMPTY_PROFILE),
  compliance: {},
  webhookCa: undefined,
  certificates: [],
  coreapps: 3,
  shards: 1,
  shardChanges: 0,
  isRegistered: false,
  registrations: 0,
  codeRequests: 0,
  codeRequestedAtMs: undefined,
  expectedCodeHash: undefined,
  pin: undefined,
  collections: { messages: 0, media: 0 },
});

export interface FakeAnswer {
  readonly status: number;
  readonly body: string | Buffer;
}

export function refusal(code: number, details?: string): FakeAnswer {
  const { title, httpStatus } = errorCatalogue[code as ErrorCode];
  const error = { code, title, ...(details === undefined ? {} : { details }) };
  return {
    status: httpStatus,
    body: JSON.stringify({ errors: [error], meta: { api_status: 'stable', version: '2.57.1' } }),
  };
}

const ok = (payload: object = {}, status = 200): FakeAnswer => ({
  status,
  body: JSON.stringify({ ...payload, meta: { api_status: 'stable', version: '2.57.1' } }),
});

interface FakeCall {
  readonly state: StackState;
  /** Parsed JSON, or bytes. */
  readonly body: unknown;
  /** The last segment of the path, decoded. */
  readonly name: string;
  readonly nowMs: number;
}
type Handler = (call: FakeCall) => FakeAnswer;

const APPLICATION = '/v1/settings/application';
const PROVIDERS = `${APPLICATION}/media/providers`;
const noUser = (name: string) => refusal(1006, `No user ${name}`);

/** Calls by method and path; `:name` stands for the last segment. */
export const FAKE_ROUTES: Readonly<Record<string, Handler>> = {
  'POST /v1/users': ({ state, body }) => {
    const { username, password } = body as { username: string; password: string };
    if (username in state.users) return refusal(1014, 'Unable to create user. Already exist?');
    state.users[username] = password;
    return ok({ users: [{ username }] }, 201);
  },
  'GET /v1/users/:name': ({ state, name }) =>
    name in state.users ? ok({ users: [{ username: name, ROLES: 'ROLE_USER' }] }) : noUser(name),
  'PUT /v1/users/:name': ({ state, name, body }) => {
    if (!(name in state.users)) return noUser(name);
    state.users[name] = (body as { password: string }).password;
    return ok({ users: [{ username: name }] });
  },
  'DELETE /v1/users/:name': ({ state, name }) => {
    if (!(name in state.users)) return noUser(name);
    delete state.users[name];
    return ok({ users: [{ username: name }] });
  },

  [`GET ${APPLICATION}`]: ({ state }) => ok({ settings: { application: otherForm(state.settings) } }),
  [`PATCH ${APPLICATION}`]: ({ state, body }) => {
    state.settings = mergeSettings(state.settings, body as Record<string, unknown>);
    return ok();
  },
  [`GET ${PROVIDERS}`]: ({ state }) =>
    ok({ settings: { application: { media: { providers: [...state.providers].reverse() } } } }),
  [`POST ${PROVIDERS}`]: ({ state, body }) => {
    const [added] = body as MediaProvider[];
    if (!added) return refusal(1008);
    state.providers = [...state.providers.filter(({ name }) => name !== added.name), added];
    return ok();
  },
  [`DELETE ${PROVIDERS}/:name`]: ({ state, name }) => {
    if (!state.providers.some((provider) => provider.name === name)) return refusal(1006);
    state.providers = state.providers.filter((provider) => provider.name !== name);
    return ok();
  },

  'GET /v1/settings/profile/about': ({ state }) =>
    ok({ settings: { profile: { about: { text: state.about } } } }),
  'PATCH /v1/settings/profile/about': ({ state, body }) => {
    state.about = (body as { text: string }).text;
    return ok();
  },
  'GET /v1/settings/profile/photo': ({ state }) =>
    // The stack returns a scaled photo, so its bytes cannot be compared.
    state.photo ? { status: 200, body: Buffer.from('scaled') } : refusal(1006, 'No picture set.'),
  'POST /v1/settings/profile/photo': ({ state, body }) => {
    state.photo = body as Buffer;
    return ok();
  },
  'GET /v1/settings/business/profile': ({ state }) =>
    ok({ settings: { business: { profile: state.business } } }),
  'POST /v1/settings/business/profile': ({ state, body }) => {
    state.business = { ...state.business, ...(body as object) };
    return ok();
  },
  'GET /v1/settings/business/compliance_info': ({ state }) =>
    ok({ settings: { business: { compliance_info: state.compliance } } }),
  'POST /v1/settings/business/compliance_info': ({ state, body }) => {
    state.compliance = body as Record<string, unknown>;
    return ok();
  },

  'GET /v1/certificates/webhooks/ca': ({ state }) =>
    state.webhookCa === undefined ? refusal(1006) : { status: 200, body: `\n${state.webhookCa.trim()}` },
  'POST /v1/certificates/webhooks/ca': ({ state, body }) => {
    state.webhookCa = String(body);
    return ok();
  },
  'DELETE /v1/certificates/webhooks/ca': ({ state }) => {
    state.webhookCa = undefined;
    return ok();
  },
  'POST /v1/certificates/external': ({ state, body }) => {
    state.certificates = [...state.certificates, String(body)];
    return ok();
  },

  'POST /v1/account': ({ state, body, nowMs }) => {
    if (state.isRegistered) return ok({}, 201);
    const { cert, pin } = body as { cert: string; pin?: string };
    const certificate = parseCertificate(cert);
    if (!certificate) return refusal(1005, "Registration failed for reason 'biz_link_info_invalid_payload'.");
    if (state.pin !== undefined && state.pin !== pin) return refusal(1008, 'pin is required');
    const waitMs = (state.codeRequestedAtMs ?? Number.NEGATIVE_INFINITY) + CODE_COOLDOWN_MS - nowMs;
    if (waitMs > 0) return refusal(1005, waitDetails(waitMs));
    state.codeRequests += 1;
    state.codeRequestedAtMs = nowMs;
    state.expectedCodeHash = certificate.codeHash;
    return ok({ account: [{ vname: certificate.vname }] }, 202);
  },
  'POST /v1/account/verify': ({ state, body }) => {
    if (state.codeRequestedAtMs === undefined) return refusal(1005, 'Request a code first');
    if (codeHash((body as { code: string }).code.replace('-', '')) !== state.expectedCodeHash)
      return refusal(1005, "Registration failed for reason 'incorrect_code'.");
    state.isRegistered = true;
    state.registrations += 1;
    return ok({}, 201);
  },
  'POST /v1/account/shards': ({ state, body }) => {
    const { shards, pin } = body as { shards: number; pin?: string };
    if (state.pin !== undefined && state.pin !== pin) return refusal(1008, 'pin is required');
    if (shards > state.coreapps) return refusal(1009, `shards: there are ${state.coreapps} Coreapps`);
    state.shards = shards;
    state.shardChanges += 1;
    return ok({}, 201);
  },
  'POST /v1/settings/account/two-step': ({ state, body }) => {
    state.pin = (body as { pin: string }).pin;
    return ok();
  },
  'DELETE /v1/settings/account/two-step': ({ state }) => {
    state.pin = undefined;
    return ok();
  },

  'PUT /v1/services/message/gc': ({ state }) => {
    state.collections.messages += 1;
    return ok({ services: {} });
  },
  'PUT /v1/services/media/gc': ({ state }) => {
    state.collections.media += 1;
    return ok({ services: {} });
  },
};

/** Returns numbers as text and lists in another order, which the documentation shows as equivalent. */
function otherForm(value: unknown): unknown {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return [...value].reverse();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, otherForm(inner)]));
}
