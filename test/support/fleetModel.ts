import { type KubeObject, keyOf } from '../../src/engine/kube/kubeObject.ts';
import { type FleetPlan, planFleet } from '../../src/operator/plan/fleet/planFleet.ts';
import type { FleetStack, MessageCount } from '../../src/operator/plan/fleet/stackStage.ts';
import type { WhatsAppFleetStatus } from '../../src/operator/resource/whatsAppFleet.ts';
import { whatsAppDeployment } from './whatsAppDeployment.ts';
import { whatsAppFleet } from './whatsAppFleet.ts';

const START_MS = Date.parse('2026-06-01T00:00:00Z');

interface ModelStack {
  readonly labels: Record<string, string>;
  generation: number;
  version: string | undefined;
  images: Record<string, string> | undefined;
  annotations: Record<string, string>;
  ready: { status: string; reason: string; message: string; atMs: number; generation: number };
  progressing: string;
  running: string | undefined;
  waitingFor: string | undefined;
  paused: boolean;
  messages: MessageCount | undefined;
}

/** Stacks as plain state, which a test drives, and a fleet that is planned over them as the operator would. */
export class FleetModel {
  nowMs = START_MS;
  readonly stacks = new Map<string, ModelStack>();
  spec: Record<string, unknown>;
  generation = 1;
  status: WhatsAppFleetStatus | undefined;
  /** Keys of the stacks that the fleet changed, in order. */
  readonly begun: string[] = [];

  constructor(spec: Record<string, unknown> = {}) {
    this.spec = { version: 'v2.59.1', ...spec };
  }

  add(name: string, labels: Record<string, string> = {}, version = 'v2.57.1'): string {
    const key = `default/${name}`;
    this.stacks.set(key, {
      labels,
      generation: 1,
      version,
      images: undefined,
      annotations: {},
      ready: {
        status: 'True',
        reason: 'Ready',
        message: 'the stack is ready',
        atMs: this.nowMs,
        generation: 1,
      },
      progressing: 'Settled',
      running: version,
      waitingFor: undefined,
      paused: false,
      messages: undefined,
    });
    return key;
  }

  set(spec: Record<string, unknown>): void {
    this.spec = { ...this.spec, ...spec };
    this.generation += 1;
  }

  stack(key: string): ModelStack {
    const stack = this.stacks.get(key);
    if (!stack) throw new Error(`no stack ${key}`);
    return stack;
  }

  /** The operator finishes the change of a stack. */
  finish(key: string): void {
    const stack = this.stack(key);
    stack.running = stack.version;
    stack.progressing = 'Settled';
    stack.ready = {
      ...stack.ready,
      status: 'True',
      reason: 'Ready',
      generation: stack.generation,
      atMs: this.nowMs,
    };
  }

  /** The operator reports that a stack is not Ready. */
  fail(key: string, reason: string, message = 'it is broken', progressing = reason): void {
    const stack = this.stack(key);
    stack.progressing = progressing;
    stack.ready = { status: 'False', reason, message, generation: stack.generation, atMs: this.nowMs };
  }

  /** One reconcile of the fleet: what it applies is stored. */
  reconcile(): FleetPlan {
    const fleet = whatsAppFleet({
      spec: this.spec,
      metadata: { generation: this.generation },
      status: this.status,
    });
    const plan = planFleet({
      fleet,
      stacks: [...this.stacks.keys()].map((key) => this.#view(key)),
      nowMs: this.nowMs,
    });
    for (const { object } of plan.changes) this.#apply(object);
    this.status = plan.status;
    return plan;
  }

  /** Reconciles until the fleet changes nothing more, every change succeeding, at most `most` times. */
  settle(most = 200): void {
    for (let round = 0; round < most; round++) {
      const { changes } = this.reconcile();
      for (const { object } of changes) this.finish(keyOf(object));
      if (changes.length === 0) return;
    }
    throw new Error(`not settled after ${most} rounds`);
  }

  ring(name: string) {
    return this.status?.rings?.find((ring) => ring.name === name);
  }

  condition(type: string) {
    return this.status?.conditions?.find((condition) => condition.type === type);
  }

  #view(key: string): FleetStack {
    const stack = this.stack(key);
    const { ready, progressing, generation, annotations, running } = stack;
    const lastTransitionTime = new Date(ready.atMs).toISOString();
    return {
      key,
      labels: stack.labels,
      messages: stack.messages,
      resource: whatsAppDeployment({
        metadata: { name: key.split('/')[1], generation, annotations, labels: stack.labels },
        spec: {
          ...(stack.version ? { version: stack.version } : {}),
          ...(stack.images ? { images: stack.images } : {}),
          paused: stack.paused,
        },
        status: {
          conditions: [
            {
              type: 'Progressing',
              status: progressing === 'Rolling' ? 'True' : 'False',
              reason: progressing,
              message: 'as it is',
              observedGeneration: ready.generation,
              lastTransitionTime,
            },
            {
              type: 'Ready',
              status: ready.status,
              reason: ready.reason,
              message: ready.message,
              observedGeneration: ready.generation,
              lastTransitionTime,
            },
          ],
          nodes: [{ name: `${key}-coreapp-0`, role: 'Coreapp', ready: true, version: running }],
          ...(stack.waitingFor ? { rollout: { waitingFor: stack.waitingFor } } : {}),
        },
      }),
    };
  }

  #apply({ metadata, spec }: KubeObject): void {
    const key = `${metadata.namespace}/${metadata.name}`;
    const stack = this.stack(key);
    this.begun.push(key);
    stack.annotations = { ...stack.annotations, ...metadata.annotations };
    const { version, images } = spec as { version?: string; images?: Record<string, string> };
    stack.version = version ?? stack.version;
    // The fleet is the only manager here: what it applies no more is gone.
    if (version !== undefined) stack.images = images;
    stack.generation += 1;
    stack.progressing = 'Rolling';
  }
}
