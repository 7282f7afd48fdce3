import type { Session, StackClient } from '../client/stackClient.ts';
import type { ReconcileResult } from '../controller/controller.ts';
import type { KubeClient } from '../kube/client.ts';
import { hashOf } from '../kube/ownFields.ts';
import { WEB_PORT } from '../onprem/environment.ts';
import { settingsDifference } from '../onprem/settings.ts';
import { declaredSettings } from '../plan/applicationSettings.ts';
import { APPLICATION_CONDITIONS, met, stamp, unknown, unmet, type Verdict } from '../plan/conditions.ts';
import { names } from '../plan/names.ts';
import type { ApiObservation, Observation, PodView } from '../plan/observed.ts';
import { KEYS } from '../plan/stackEnvironment.ts';
import { counts, webappHost } from '../plan/stackSettings.ts';
import { byPod, servedShards } from '../plan/stackStatus.ts';
import type { ConditionType, WhatsAppDeploymentStatus } from '../resource/status.ts';
import { parseWhatsAppDeployment, type WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { Clock } from '../runtime/clock.ts';
import { CodedError, describeError } from '../runtime/codedError.ts';
import { type ObserveContext, observe } from './observe.ts';
import { decodeSecret, type SecretObject } from './referencedSecrets.ts';
import { register } from './register.ts';
import type { StackAccess, StackSessions } from './stackSession.ts';
import { StatusWriter } from './statusWriter.ts';
import { readAuthority } from './webappAuthority.ts';

export interface ApplicationOptions extends ObserveContext {
  readonly client: KubeClient;
  readonly sessions: StackSessions;
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes in what the API said. */
  readonly onObservation: (key: string, observation: ApiObservation | undefined) => void;
}

/** How often a stack is looked at: when all is well, and while something is under way. */
const INTERVALS = { settledMs: 30_000, busyMs: 2_000 } as const;
const DAY_MS = 86_400_000;
/** Builds that expire sooner than this are no longer current. */
const EXPIRY_WARNING_MS = 7 * DAY_MS;

/** Runs calls in a session of the administrator. */
type AsAdmin = <T>(calls: (client: StackClient, session: Session) => Promise<T>) => Promise<T>;

/** The stack's own API: log in, register, configure, and say how it is. */
export class ApplicationReconciler {
  readonly #options: ApplicationOptions;
  readonly #status: StatusWriter;
  /** Stacks that were well when looked at last, in what circumstances, and when to look again. */
  readonly #settled = new Map<string, { readonly circumstances: string; readonly untilMs: number }>();

  constructor(options: ApplicationOptions) {
    this.#options = options;
    this.#status = new StatusWriter(options.client, options.sources.stacks, 'waba-operator-application');
  }

  readonly reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult> => {
    const { sources, sessions, onObservation } = this.#options;
    const stored = sources.stacks.cache.get(key);
    const parsed = stored && parseWhatsAppDeployment(stored);
    if (!parsed?.ok || parsed.resource.metadata.deletionTimestamp) {
      sessions.forget(key);
      this.#settled.delete(key);
      onObservation(key, undefined);
      return {};
    }
    const { resource } = parsed;
    // Workloads tells the user.
    if (this.#options.missing(resource.metadata.namespace).length > 0) return {};
    if (resource.spec.paused) return {};
    const observed = await observe(resource, this.#options, signal);
    const circumstances = circumstancesOf(observed);
    const untilMs = this.#settledUntil(key, circumstances);
    if (untilMs !== undefined) return { requeueAfterMs: untilMs - this.#options.clock.monotonic() };
    const verdicts = new Map<ConditionType, Verdict>();
    const say = (verdict: Verdict) => void verdicts.set(verdict.type, verdict);
    let retryAfterMs: number | undefined;
    try {
      retryAfterMs = await this.#converge(key, observed, say, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const code = error instanceof CodedError ? error.code : 'Error';
      if (!verdicts.has('ApiReachable')) {
        say(unmet('ApiReachable', code, describeError(error)));
        onObservation(key, undefined);
      } else say(unmet('SettingsSynced', code, describeError(error)));
    }
    await this.#writeStatus(resource, verdicts, signal);
    const settled = APPLICATION_CONDITIONS.every((type) => verdicts.get(type)?.status === 'True');
    const intervalMs =
      (settled ? INTERVALS.settledMs : INTERVALS.busyMs) * (0.9 + 0.2 * this.#options.random());
    const requeueAfterMs = Math.min(retryAfterMs ?? intervalMs, intervalMs);
    if (settled)
      this.#settled.set(key, { circumstances, untilMs: this.#options.clock.monotonic() + requeueAfterMs });
    else this.#settled.delete(key);
    return { requeueAfterMs };
  };

  /** Until when the stack need not be asked again, though something of no concern to it has changed. */
  #settledUntil(key: string, circumstances: string): number | undefined {
    const last = this.#settled.get(key);
    const isFresh = last !== undefined && this.#options.clock.monotonic() < last.untilMs;
    return isFresh && last.circumstances === circumstances ? last.untilMs : undefined;
  }

  async #converge(
    key: string,
    observed: Observation,
    say: (verdict: Verdict) => void,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { resource, pods } = observed;
    if (!pods.some(isReadyWebapp)) {
      say(unmet('ApiReachable', 'NoWebapp', 'no Webapp is ready yet'));
      this.#options.onObservation(key, undefined);
      return undefined;
    }
    const access = await this.#access(observed, signal);
    if (!access) {
      say(unmet('ApiReachable', 'Waiting', 'the Secrets of the stack are not there yet'));
      return undefined;
    }
    const asAdmin: AsAdmin = (calls) => this.#options.sessions.asAdmin(key, access, calls, signal);
    const observation = await this.#look(key, observed, access, asAdmin, signal);
    this.#options.onObservation(key, observation);
    say(met('ApiReachable', 'Reachable', 'the API answers'));
    say(met('CertificatesReady', 'Generated', 'the certificate that the stack generated is pinned'));
    say(judgeBuild(observation, this.#options.clock.now()));

    await this.#configure(observed, asAdmin, say, signal);
    const result = await this.#register(observed, observation, asAdmin, signal);
    say(result.verdict);
    const served = Object.keys(servedShards({ resource, api: observation })).length;
    const { shards } = counts(resource);
    say(
      served >= shards
        ? met('ShardsServed', 'Served', `${served} of ${shards} shards have a connected Coreapp`)
        : unmet('ShardsServed', 'NotServed', `${served} of ${shards} shards have a connected Coreapp`),
    );
    return result.retryAfterMs;
  }

  /** Health with the API key, support as admin: nodes under the names of their pods. */
  async #look(
    key: string,
    { pods }: Observation,
    access: StackAccess,
    asAdmin: AsAdmin,
    signal: AbortSignal,
  ): Promise<ApiObservation> {
    const singlePod = pods.find(
      ({ component, terminating }) => component === 'coreapp' && !terminating,
    )?.name;
    const client = this.#options.sessions.client(key, access);
    const health = byPod(await client.health({ apiKey: access.apiKey }, signal), singlePod);
    const support = byPod(await asAdmin((admin, session) => admin.support(session, signal)), singlePod);
    return { health, support };
  }

  /** Where the API is and how to get in. Its authority is pinned in the journal the first time. */
  async #access(
    { resource, children, journal, pods }: Observation,
    signal: AbortSignal,
  ): Promise<StackAccess | undefined> {
    const of = names(resource.metadata.name);
    const secret = (name: string) => children.get(`Secret/${name}`) as SecretObject | undefined;
    const [admin, keys] = [secret(of.adminSecret), secret(of.keysSecret)];
    if (!admin || !keys || !journal) return undefined;
    const host = webappHost(resource);
    const port = resource.spec.service?.ports?.https ?? 443;
    let ca = journal.webappCa;
    if (!ca) {
      const addresses = pods.filter(isReadyWebapp).flatMap(({ ip }) => ip ?? []);
      if (addresses.length === 0) return undefined;
      const read = await readAuthority({ addresses, port: WEB_PORT, serverName: host }, signal);
      ca =
        (
          await this.#options.journals.update(
            resource,
            (current) => ({ ...current, webappCa: current.webappCa ?? read }),
            signal,
          )
        ).webappCa ?? read;
    }
    const { username = '', password = '' } = decodeSecret(admin);
    return { host, port, ca, username, password, apiKey: decodeSecret(keys)[KEYS.apiKey] ?? '' };
  }

  /** Settings and webhook CA: read, compare, and write only what differs. */
  async #configure(
    observed: Observation,
    asAdmin: AsAdmin,
    say: (verdict: Verdict) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { resource } = observed;
    const wanted = declaredSettings(resource);
    await asAdmin(async (client, session) => {
      const patch = settingsDifference(wanted, await client.settings(session, signal));
      if (patch) await client.patchSettings(session, patch, signal);
    });
    say(met('SettingsSynced', 'Synced', 'the declared settings are in place'));
    say(await this.#webhook(observed, asAdmin, signal));
  }

  async #webhook(
    { resource, referenced, pods }: Observation,
    asAdmin: AsAdmin,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const { webhook } = resource.spec;
    if (!webhook) return met('WebhookReady', 'NotConfigured', 'no webhook is asked for');
    const reference = webhook.caSecretRef;
    if (reference) {
      const pem = referenced.get(reference.name)?.data?.[reference.key];
      if (pem === undefined)
        return unmet(
          'WebhookReady',
          'SecretMissing',
          `Secret ${reference.name} has no key ${reference.key}; put the CA of the receiver there`,
        );
      await this.#uploadWebhookCa(resource, pem, asAdmin, signal);
    }
    const restarts = String(this.#options.journals.read(resource)?.coreappRestarts ?? 0);
    const behind = pods.filter(
      (pod) => pod.component === 'coreapp' && !pod.terminating && (pod.restarts !== restarts || !pod.ready),
    );
    if (behind.length > 0)
      return unmet(
        'WebhookReady',
        'RestartingCoreapps',
        `the webhook CA takes effect when these have restarted: ${behind.map(({ name }) => name).join(', ')}`,
      );
    return met('WebhookReady', 'Configured', 'URL and CA are in place');
  }

  /**
   * Uploads the CA and orders the restart that it needs, as state: a crash between the two is noticed by the
   * hash that was pending, and the restart still comes.
   */
  async #uploadWebhookCa(
    resource: WhatsAppDeployment,
    pem: string,
    asAdmin: AsAdmin,
    signal: AbortSignal,
  ): Promise<void> {
    const { journals } = this.#options;
    const wanted = hashOf(pem);
    const current = await asAdmin((client, session) => client.webhookCa(session, signal));
    const known = journals.read(resource)?.webhookCa;
    const inPlace = current !== undefined && current.trim() === pem.trim();
    if (inPlace && known?.applied === wanted && known.pending === undefined) return;
    if (!inPlace) {
      await journals.update(
        resource,
        (journal) => ({ ...journal, webhookCa: { ...journal.webhookCa, pending: wanted } }),
        signal,
      );
      await asAdmin((client, session) => client.setWebhookCa(session, pem, signal));
    }
    await journals.update(
      resource,
      (journal) => ({
        ...journal,
        webhookCa: { applied: wanted },
        coreappRestarts: journal.coreappRestarts + 1,
      }),
      signal,
    );
  }

  #register(observed: Observation, observation: ApiObservation, asAdmin: AsAdmin, signal: AbortSignal) {
    const { resource, referenced, children } = observed;
    const { registration } = resource.spec;
    const generated = names(resource.metadata.name).registrationSecret;
    const own = children.get(`Secret/${generated}`) as SecretObject | undefined;
    const from = (reference: { name: string; key: string } | undefined, key: string) => ({
      value: reference
        ? referenced.get(reference.name)?.data?.[reference.key]
        : own && decodeSecret(own)[key],
      source: reference
        ? `Secret ${reference.name}, key ${reference.key}`
        : own
          ? `Secret ${generated}, key ${key}`
          : `a Secret named by spec.registration.${key}SecretRef`,
    });
    const certificate = from(registration.certificateSecretRef, 'certificate');
    const code = from(registration.codeSecretRef, 'code');
    const pin = registration.pinSecretRef && from(registration.pinSecretRef, 'pin').value;
    return register(
      {
        resource,
        journals: this.#options.journals,
        registered: isRegistered(observation),
        certificate: certificate.value,
        code: code.value,
        pin: pin?.trim(),
        certificateSource: certificate.source,
        codeSource: code.source,
        nowMs: this.#options.clock.now(),
        asAdmin,
      },
      signal,
    );
  }

  async #writeStatus(
    resource: WhatsAppDeployment,
    verdicts: ReadonlyMap<ConditionType, Verdict>,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, namespace, generation } = resource.metadata;
    // The journal and the other controller may have written meanwhile.
    const current = parseWhatsAppDeployment(this.#options.sources.stacks.cache.get(`${namespace}/${name}`));
    const previous = (current.ok ? current.resource : resource).status;
    const all = APPLICATION_CONDITIONS.map(
      (type) => verdicts.get(type) ?? unknown(type, 'Unknown', 'not looked at yet'),
    );
    const entry = this.#options.journals.read(resource)?.registration;
    const registered = verdicts.get('Registered')?.status === 'True';
    const registration: WhatsAppDeploymentStatus['registration'] = {
      state: registered ? 'Registered' : stateOf(entry?.phase),
      ...(entry?.verifiedName ? { verifiedName: entry.verifiedName } : {}),
      ...(entry?.registeredAt ? { registeredAt: entry.registeredAt } : {}),
    };
    const conditions = stamp(all, previous?.conditions ?? [], generation, this.#options.clock.now());
    await this.#status.write({ ...resource, status: previous }, { conditions, registration }, signal);
  }
}

const isReadyWebapp = ({ component, ready, terminating }: PodView): boolean =>
  component === 'webapp' && ready && !terminating;

/** Everything that a look at the stack depends on, but for the stack itself. */
function circumstancesOf({ resource, pods, referenced, journal, children }: Observation): string {
  const { uid, generation } = resource.metadata;
  const secrets = [...children.values()].filter(({ kind }) => kind === 'Secret');
  return hashOf([
    [uid, generation],
    pods,
    [...referenced.values()],
    journal ?? null,
    secrets.map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
    // Status that somebody deleted is made anew at once.
    resource.status?.conditions?.filter(({ type }) =>
      APPLICATION_CONDITIONS.includes(type as ConditionType),
    ) ?? null,
    resource.status?.registration ?? null,
  ]);
}

/** Some node holds an account: registered. All say that there is none: not. Anything else says nothing. */
function isRegistered({ health }: ApiObservation): boolean | undefined {
  const states = Object.values(health).flatMap(({ gateway_status }) => gateway_status ?? []);
  if (states.some((state) => state === 'connected' || state === 'connecting' || state === 'disconnected'))
    return true;
  return states.length > 0 && states.every((state) => state === 'unregistered') ? false : undefined;
}

function stateOf(phase: string | undefined): 'Unregistered' | 'CodeRequested' | 'Unknown' {
  if (phase === undefined || phase === 'refused') return 'Unregistered';
  return phase === 'code-requested' ? 'CodeRequested' : 'Unknown';
}

function judgeBuild({ support }: ApiObservation, now: number): Verdict {
  const expires = Object.values(support).flatMap(({ expire_timestamp }) =>
    expire_timestamp ? [Date.parse(`${expire_timestamp.replace(/Z$/, '')}Z`)] : [],
  );
  if (expires.length === 0) return unknown('BuildCurrent', 'Unknown', 'no node says when its build expires');
  const leftMs = Math.min(...expires) - now;
  if (leftMs > EXPIRY_WARNING_MS)
    return met('BuildCurrent', 'Current', 'the build is supported for more than a week');
  return unmet(
    'BuildCurrent',
    leftMs > 0 ? 'Expiring' : 'Expired',
    `the build ${leftMs > 0 ? 'expires' : 'expired'} at ${new Date(now + leftMs).toISOString()}; upgrade spec.version`,
  );
}
