import { certify } from '../../src/operator/application/certificates.ts';
import type { ApplicationPass } from '../../src/operator/application/pass.ts';
import { takeRegistrationStep } from '../../src/operator/application/registrationStep.ts';
import { reshard } from '../../src/operator/application/resharding.ts';
import { synchronise } from '../../src/operator/application/synchronise.ts';
import { WebhookCheck } from '../../src/operator/application/webhook.ts';
import { planWorkloads } from '../../src/operator/plan/decide/workloads.ts';
import { EMPTY_JOURNAL } from '../../src/operator/plan/facts/journal.ts';
import { annotations } from '../../src/operator/plan/facts/names.ts';
import type { ApiObservation, Observed, PodView } from '../../src/operator/plan/facts/observed.ts';
import type { ReleaseImages } from '../../src/operator/plan/facts/release.ts';
import { modelApi } from '../../src/operator/plan/foresee/modelApi.ts';
import { ModelCluster } from '../../src/operator/plan/foresee/modelCluster.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { FakeApplication } from './fakeApplicationPass.ts';

/** Rounds in which nothing happens before a stack counts as settled: pods take as long as this to become ready. */
const QUIET_ROUNDS = 6;
const MOST_ROUNDS = 600;

/**
 * A stack under the real plan and the real application controller: its cluster is a model whose pods take some rounds to
 * become ready, its API is the fake stack. Writes down what happens.
 */
export class ModelledStack {
  readonly app: FakeApplication;
  readonly #cluster = new ModelCluster({ children: new Map(), pods: [], journal: undefined });
  readonly #webhooks = new WebhookCheck(async () => ({ layer: 'Status', problem: undefined, latencyMs: 1 }));
  readonly #release: ReleaseImages;
  /** How many rounds a new pod takes to become ready. */
  readonly #delay: () => number;
  readonly #generated: Record<string, Record<string, string>>;
  readonly #readyAfter = new Map<string, number>();
  #round = 0;
  #api: { readonly api: ApiObservation | undefined; readonly pods: readonly PodView[] } = {
    api: undefined,
    pods: [],
  };
  resource: WhatsAppDeployment;
  happened = new Set<string>();

  constructor(
    resource: WhatsAppDeployment,
    secrets: Record<string, Record<string, string>>,
    given: {
      readonly release: ReleaseImages;
      readonly delay: () => number;
      /** What the operator generates, by the name of the Secret. */
      readonly generated: Record<string, Record<string, string>>;
    },
  ) {
    this.resource = resource;
    this.#release = given.release;
    this.#delay = given.delay;
    this.#generated = given.generated;
    this.app = new FakeApplication(resource.spec, { secrets });
  }

  observed(resource: WhatsAppDeployment = this.resource): Observed {
    const { observed } = this.app.pass();
    return {
      ...observed,
      resource,
      stacks: [resource],
      sameNumber: [resource],
      children: new Map(this.#cluster.children),
      pods: this.#pods(),
      journal: this.app.journal,
      api: this.#api.api,
      mayRoll: true,
      nowMs: this.app.clock.now(),
    };
  }

  /** Lets the operator work until nothing happens any more. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const before = this.happened.size;
      const isChanged = this.#workloads() || (await this.#application());
      quiet = isChanged || this.happened.size > before ? 0 : quiet + 1;
      if (quiet > QUIET_ROUNDS) return;
    }
    throw new Error('does not settle');
  }

  /** Pods that are not ready yet say so. */
  #pods(): PodView[] {
    return this.#cluster.pods.map((pod) => {
      const readyAt = this.#readyAfter.get(pod.uid) ?? this.#round + this.#delay();
      this.#readyAfter.set(pod.uid, readyAt);
      const ready = this.#round >= readyAt;
      return { ...pod, ready, resourceVersion: ready ? `${pod.resourceVersion}1` : pod.resourceVersion };
    });
  }

  #workloads(): boolean {
    this.#round += 1;
    this.#observe();
    const before = new Map(this.#cluster.children);
    const pods = this.#cluster.pods;
    const plan = planWorkloads(this.observed(), this.#release);
    this.#cluster.journal = this.app.journal;
    this.#cluster.carryOut(plan, this.resource);
    for (const name of plan.generate) this.#generate(name);
    const { generated, release, schemaVersion, rollout } = this.#cluster.journal;
    this.app.journals.writeElsewhere((journal) => ({
      ...journal,
      generated,
      release,
      schemaVersion,
      rollout,
    }));
    this.app.journals.sync();
    return this.#noteObjects(before, pods);
  }

  #generate(name: string): void {
    const key = `Secret/${name}`;
    const [secret, content] = [this.#cluster.children.get(key), this.#generated[name]];
    if (!secret || !content) return;
    const data = Object.fromEntries(
      Object.entries(content).map(([field, value]) => [field, Buffer.from(value).toString('base64')]),
    );
    this.#cluster.children.set(key, { ...secret, data });
  }

  /** Reads the API as the application controller does, before it acts. */
  #observe(): void {
    const { isRegistered, shards } = this.app.stack.state;
    const pods = this.#pods();
    const ready = pods.filter((pod) => pod.ready);
    const api = modelApi(this.resource, ready, this.#api, { isRegistered, shards }, this.app.clock.now());
    const podsSeen = pods.map(({ name, resourceVersion }) => `${name}@${resourceVersion}`).sort();
    this.#api = { api: api && { ...api, podsSeen: podsSeen.join(' ') }, pods: ready };
    this.app.stack.state.coreapps = ready.filter(({ component }) => component === 'coreapp').length;
  }

  #noteObjects(before: ReadonlyMap<string, unknown>, pods: readonly PodView[]): boolean {
    const { children } = this.#cluster;
    const noted = this.happened.size;
    const note = (text: string) => void this.happened.add(text);
    for (const [key, object] of children) {
      if (before.get(key) === object) continue;
      note(`${before.has(key) ? 'Change' : 'Create'} ${key}`);
      const hashIn = (value: unknown) =>
        (value as WhatsAppDeployment | undefined)?.metadata.annotations?.[annotations.template];
      const old = before.get(key);
      const { replicas = 1 } = ((old as { spec?: object } | undefined)?.spec ?? {}) as { replicas?: number };
      if (key.startsWith('Deployment/') && old && replicas > 0 && hashIn(old) !== hashIn(object))
        note(`Restart ${key}`);
    }
    for (const key of before.keys()) if (!children.has(key)) note(`Remove ${key}`);
    for (const pod of pods) {
      const isSlot = children.has(`StatefulSet/${pod.name.replace(/-0$/, '')}`);
      const isThere = this.#cluster.pods.some(({ uid }) => uid === pod.uid);
      if (isSlot && !isThere) note(`Restart Pod/${pod.name}`);
    }
    return this.happened.size > noted || this.#pods().some((pod) => !pod.ready);
  }

  /** One pass of the application controller, whose steps after a failed one wait. */
  async #application(): Promise<boolean> {
    await this.app.clock.advance(1_000);
    this.#observe();
    if (this.#api.api === undefined) return false;
    const isRegistered = this.app.stack.state.isRegistered;
    const pass: ApplicationPass = { ...this.app.pass(), observed: this.observed() };
    const parts: (() => Promise<unknown>)[] = [
      () => certify(pass),
      () => synchronise(pass, isRegistered, () => {}),
      () => this.#webhooks.judge('default/shop', pass),
      () => takeRegistrationStep(pass, isRegistered),
      () => reshard(pass, isRegistered),
    ];
    let failed = false;
    for (const part of parts) if (!failed) await part().catch(() => (failed = true));
    const writes = this.app.stack.takeWrites();
    for (const [call] of writes) this.happened.add(`Call ${call}`);
    return writes.length > 0;
  }

  get journal() {
    return this.app.journal ?? EMPTY_JOURNAL;
  }
}
