import { createHash, X509Certificate } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { systemClock } from '../../src/base/clock.ts';
import { CodedError } from '../../src/base/codedError.ts';
import type { Session } from '../../src/client/calls.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport, type StackRequest } from '../../src/client/stackTransport.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { hashOf } from '../../src/engine/kube/ownFields.ts';
import { DEFAULT_ADMIN } from '../../src/onprem/users.ts';
import { RefusedCalls } from '../../src/operator/application/refusedCalls.ts';
import { StackSessions } from '../../src/operator/application/stackSession.ts';
import { runSteps } from '../../src/operator/application/steps.ts';
import { WebhookCheck } from '../../src/operator/application/webhook.ts';
import { KEYS } from '../../src/operator/plan/facts/generatedSecrets.ts';
import { EMPTY_JOURNAL, type Journal } from '../../src/operator/plan/facts/journal.ts';
import type { Observation, PodView } from '../../src/operator/plan/facts/observed.ts';
import type { Verdict } from '../../src/operator/plan/tell/conditions.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import type { Journals } from '../../src/operator/state/journalStore.ts';
import {
  type CertificateSecret,
  type Declared,
  declaredResource,
  declaredSecrets,
  hiddenTexts,
  photoOf,
} from './declared.ts';
import { API_KEY, EmulatorStack, type SimulatedStack, type TestDatabase } from './emulatorStack.ts';
import { type ApiFault, type CallFault, FaultyTransport, Killed } from './faultyTransport.ts';
import { podView } from './podView.ts';

const never = new AbortController().signal;
const KEY = 'default/shop';
/** For longer waits, the test advances the operator's clock instead of waiting. */
const LONG_WAIT_MS = 2_000;
/** Passes without faults, of 100 ms or more, within which the stack must settle: a failover takes 30 s. */
const MOST_PASSES = 600;

export type JournalFault = 'crash-before' | 'crash-after' | 'conflict';

/** Faults for one process of the operator. */
export interface Faults {
  readonly call: (request: StackRequest) => CallFault | undefined;
  readonly journal: () => JournalFault | undefined;
}
const NO_FAULTS: Faults = { call: () => undefined, journal: () => undefined };

/**
 * A real stack under the operator's application layer, run by one operator process after the other. This class plays the
 * pods, the Secrets and the user.
 */
export class OperatedStack implements Journals {
  readonly stack: EmulatorStack;
  readonly #simulated: SimulatedStack;
  readonly #isSingle: boolean;
  declared: Declared;
  attempt = 1;
  journal: Journal | undefined;
  /** All messages shown to users: conditions, drift, errors. */
  readonly shown = new Set<string>();
  readonly verdicts = new Map<string, Verdict>();
  /** Roles that have not restarted since a change that needs it reached the stack. */
  readonly outdated = new Set<'coreapp' | 'webapp'>();
  readonly #restarted = { coreapp: 0, webapp: 0 };
  #faults = NO_FAULTS;
  #isAlive = true;
  #sessions = this.#newSessions();
  #webhooks = newWebhookCheck();
  #movedMs = 0;

  private constructor(simulated: SimulatedStack, isSingle: boolean, declared: Declared) {
    this.stack = simulated.stack;
    this.#simulated = simulated;
    this.#isSingle = isSingle;
    this.declared = declared;
    this.journal = { ...EMPTY_JOURNAL, webappCa: simulated.stack.address().caPem };
  }

  static async start(
    database: TestDatabase,
    prefix: string,
    topology: 'Single' | 'HighAvailability',
    declared: Declared,
  ): Promise<OperatedStack> {
    const isSingle = topology === 'Single';
    const nodes = isSingle ? { masters: 0, coreapps: 1 } : { masters: 1, coreapps: 3 };
    const simulated = await EmulatorStack.startSimulated(database, prefix, nodes);
    return new OperatedStack(simulated, isSingle, declared);
  }

  get resource(): WhatsAppDeployment {
    const { number } = this.stack;
    return declaredResource(this.declared, { number, isSingle: this.#isSingle, attempt: this.attempt });
  }

  get #caPem(): string {
    return this.declared.certificate['ca.crt'];
  }

  read(): Journal | undefined {
    return this.journal;
  }

  async refresh(): Promise<void> {}

  async update(_: WhatsAppDeployment, change: (journal: Journal) => Journal): Promise<Journal> {
    this.#alive();
    const fault = this.#faults.journal();
    if (fault === 'crash-before') this.#kill();
    if (fault === 'conflict')
      throw new CodedError('Conflict', 'another process has written', { retriable: true });
    this.journal = change(this.journal ?? EMPTY_JOURNAL);
    if (fault === 'crash-after') this.#kill();
    return this.journal;
  }

  /** Runs one pass. A new process, which knows only the journal, replaces one that crashes. */
  async pass(faults: Faults = NO_FAULTS): Promise<void> {
    this.#faults = faults;
    this.verdicts.clear();
    const waitMs = await this.#runPass();
    for (const { message } of this.verdicts.values()) this.shown.add(message);
    if (!this.#isAlive) this.#startProcess();
    if (Number.isFinite(waitMs) && waitMs > LONG_WAIT_MS) this.#skipWait(waitMs);
    await this.#roll();
  }

  /** Runs passes without faults until the stack settles; raises the attempt if the condition asks for it. */
  async settle(): Promise<void> {
    let stuckSince: number | undefined;
    for (let passes = 0; passes < MOST_PASSES; passes++) {
      await this.pass();
      const all = [...this.verdicts.values()];
      if (all.every(({ status }) => status === 'True')) return;
      const registered = this.verdicts.get('Registered');
      const isStuck = ['OutcomeUnknown', 'Refused', 'CodeRefused'].includes(registered?.reason ?? '');
      stuckSince = isStuck ? (stuckSince ?? Date.now()) : undefined;
      if (stuckSince !== undefined && Date.now() - stuckSince > 1_500) {
        this.attempt += 1;
        stuckSince = undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const open = [...this.verdicts.values()].filter(({ status }) => status !== 'True');
    throw new Error(`not settled after ${MOST_PASSES} passes: ${JSON.stringify([open, [...this.shown]])}`);
  }

  /** What is there when a certificate that the operator uploaded has expired since. */
  async withExpired(expired: CertificateSecret): Promise<void> {
    const file = `${expired['tls.key']}\n${expired['tls.crt']}\n${expired['ca.crt']}`;
    await this.asOtherClient((client, session) => client.certificates.setExternal(session, file, never));
    await this.stack.restartWebapps();
    this.#startProcess();
    const { publicKey, validTo } = new X509Certificate(expired['tls.crt']);
    const key = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex');
    const served = {
      names: [this.stack.address().serverName],
      notAfter: Date.parse(validTo),
      ca: expired['ca.crt'],
      authority: hashOf(expired['ca.crt']),
      key,
    };
    this.journal = { ...(this.journal ?? EMPTY_JOURNAL), webappCa: expired['ca.crt'], served };
  }

  /** Runs calls of a client other than the operator. */
  async asOtherClient<T>(calls: (client: StackClient, session: Session) => Promise<T>): Promise<T> {
    const client = new StackClient(this.#wire(this.journal?.webappCa ?? ''));
    try {
      const { adminPassword } = this.declared;
      return await calls(client, await client.users.login(DEFAULT_ADMIN.username, adminPassword, {}, never));
    } finally {
      client.close();
    }
  }

  /** Differences between the declaration and the stack. */
  async violations(): Promise<string[]> {
    const { about, description, entityName, agentPassword, providerToken, settings, shards } = this.declared;
    const found: string[] = [];
    const must = (isSo: boolean, what: string) => void (isSo || found.push(what));
    await this.asOtherClient(async (client, session) => {
      const current = await client.settings.application(session, never);
      const hooks = current.webhooks as { max_concurrent_requests?: number } | undefined;
      const wanted = settings.webhooks as { maxConcurrentRequests: number };
      must(current.heartbeat_interval === settings.heartbeatInterval, 'heartbeat_interval');
      must(current.callback_persist === settings.callbackPersist, 'callback_persist');
      must(hooks?.max_concurrent_requests === wanted.maxConcurrentRequests, 'max_concurrent_requests');
      must((await client.settings.about(session, never)) === about, 'about');
      const business = await client.settings.businessProfile(session, never);
      must(business.description === description, 'business profile');
      const compliance = await client.settings.complianceInfo(session, never);
      must(compliance.entity_name === entityName, 'compliance');
      const photo = await client.settings.photo(session, never);
      must(photo !== undefined && (await buffer(photo.content)).equals(photoOf(this.declared)), 'photo');
      const providers = await client.settings.mediaProviders(session, never);
      const tokens = providers.map(({ config }) => ('bearer' in config ? config.bearer : undefined));
      must(tokens.join() === (providerToken ?? ''), 'media providers');
      const ca = await client.certificates.webhookCa(session, never);
      must(ca?.trim() === this.#caPem.trim(), 'webhook CA');
      const agent = await client.users.find(session, 'agent', never);
      must((agent !== undefined) === (agentPassword !== undefined), 'agent exists');
      if (agentPassword !== undefined)
        must((await client.users.login('agent', agentPassword, {}, never)) !== undefined, 'agent logs in');
      if (!this.#isSingle) must((await client.account.shards(session, never)) === shards, 'shards');
    });
    must(this.journal?.webappCa?.trim() === this.#caPem.trim(), 'only the current certificate is trusted');
    must(this.outdated.size === 0, `restarted since the last change: ${[...this.outdated]}`);
    const { number, network } = this.stack;
    const { registrations, codeRequests, pin } = network.state.number(number);
    must(registrations === 1, `one registration, not ${registrations}`);
    must(codeRequests <= this.attempt, `${codeRequests} code requests in ${this.attempt} attempts`);
    must(pin === this.declared.pin, 'two-step PIN');
    for (const secret of hiddenTexts(this.declared))
      must(![...this.shown].some((text) => text.includes(secret)), 'a secret was shown');
    return found;
  }

  async close(): Promise<void> {
    this.#sessions.forget(KEY);
    await this.#simulated.close();
  }

  async #runPass(): Promise<number> {
    const { verdicts, retryAfterMs } = await runSteps(
      {
        key: KEY,
        observed: this.#observe(),
        journals: this,
        sessions: this.#sessions,
        // No time passes between two passes here, so a refused call is repeated in the next one.
        refused: new RefusedCalls(systemClock),
        nowMs: Date.now() + this.#movedMs,
        onObservation: () => {},
        onTarget: () => {},
      },
      {
        webhooks: this.#webhooks,
        gateways: { status: () => Promise.reject(new Error('the stack has no gateway')) },
        onDrift: ({ fields }) => {
          for (const field of fields) this.shown.add(field);
        },
      },
      never,
    );
    for (const verdict of Object.values(verdicts)) this.verdicts.set(verdict.type, verdict);
    // Every injected fault has a code; any other error is a bug.
    const bug = Object.values(verdicts).find(({ reason }) => reason === 'Error');
    if (bug && this.#isAlive) throw new Error(`${bug.type}: ${bug.message}`);
    return retryAfterMs;
  }

  #observe(): Observation {
    const { resource } = this;
    return {
      resource,
      stacks: [resource],
      sameNumber: [resource],
      children: new Map([
        own('shop-keys', { [KEYS.apiKey]: API_KEY }),
        own('shop-admin', { password: this.declared.adminPassword }),
      ]),
      pods: this.#pods(),
      referenced: declaredSecrets(this.declared, this.stack.number),
      journal: this.journal,
      api: undefined,
    };
  }

  #pods(): PodView[] {
    const pod = (name: string, component: 'coreapp' | 'webapp' | 'master'): PodView =>
      podView({
        name,
        component,
        ip: '127.0.0.1',
        restarts: String(this.#restarted[component === 'webapp' ? 'webapp' : 'coreapp']),
      });
    const nodes = [...this.stack.nodes.keys()].map((name) =>
      pod(name, name.startsWith('master') ? 'master' : 'coreapp'),
    );
    return [...nodes, pod('webapp-0', 'webapp')];
  }

  /** Plays the workloads controller: restarts the roles as the journal requests. */
  async #roll(): Promise<void> {
    const { coreappRestarts = 0, webappRestarts = 0 } = this.journal ?? {};
    if (coreappRestarts > this.#restarted.coreapp) {
      await this.stack.restartNodes();
      this.#restarted.coreapp = coreappRestarts;
      this.outdated.delete('coreapp');
    }
    if (webappRestarts > this.#restarted.webapp) {
      await this.stack.restartWebapps();
      this.#restarted.webapp = webappRestarts;
      this.outdated.delete('webapp');
      // A restarted Webapp listens on another port.
      this.#sessions.forget(KEY);
    }
  }

  #startProcess(): void {
    this.#isAlive = true;
    this.#sessions.forget(KEY);
    this.#sessions = this.#newSessions();
    this.#webhooks = newWebhookCheck();
  }

  #newSessions(): StackSessions {
    return new StackSessions({
      clock: systemClock,
      connect: ({ ca = '', expiredKeyHash }) =>
        new FaultyTransport({
          inner: this.#wire(ca, expiredKeyHash),
          fault: (request) => this.#faults.call(request),
          alive: () => this.#alive(),
          kill: () => this.#kill(),
          setFault: (request, fault) => this.#setFault(request, fault),
          onActed: (request) => this.#noteChange(request),
        }),
    });
  }

  #wire(ca: string, expiredKeyHash?: string): HttpsStackTransport {
    const { host, port, serverName } = this.stack.address();
    return new HttpsStackTransport({ host, port, serverName, ca, expiredKeyHash });
  }

  /** Sets the fault through the control API. */
  async #setFault({ method, path }: StackRequest, fault: ApiFault): Promise<void> {
    const faults = [{ method, path: path.replace(/\?.*/, ''), times: 1, ...fault }];
    const { status } = await fetch(`${this.#simulated.controlUrl}/api-faults`, {
      method: 'PUT',
      body: JSON.stringify(faults),
    });
    if (status !== 204) throw new Error(`the fault was not set: ${status}`);
  }

  #noteChange({ method, path, body }: StackRequest): void {
    if (method === 'GET') return;
    if (path === '/v1/settings/application' && /callback_persist|max_concurrent/.test(String(body)))
      this.outdated.add('coreapp');
    if (path === '/v1/certificates/webhooks/ca') this.outdated.add('coreapp');
    if (path === '/v1/certificates/external') this.outdated.add('webapp');
  }

  #skipWait(waitMs: number): void {
    this.#movedMs += waitMs;
    this.stack.network.advance(waitMs);
  }

  #alive(): void {
    if (!this.#isAlive) throw new Killed('killed');
  }

  #kill(): never {
    this.#isAlive = false;
    throw new Killed('killed');
  }
}

/** A check whose receiver always answers. */
const newWebhookCheck = () =>
  new WebhookCheck(async () => ({ layer: 'Status', problem: undefined, latencyMs: 1 }));

const own = (name: string, data: Readonly<Record<string, string>>): [string, KubeObject] => [
  `Secret/${name}`,
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  } as KubeObject,
];
