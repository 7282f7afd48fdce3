import { inStep } from '../../base/tracing/inStep.ts';
import type { GatewayClient } from '../../client/gatewayClient.ts';
import { judgeClient } from '../plan/tell/build.ts';
import {
  isRegisteredWith,
  judgeNumber,
  judgeSubscription,
  judgeToken,
  registrationObstacle,
} from '../plan/tell/cloud.ts';
import { failed, type Verdict, waitingFor } from '../plan/tell/conditions.ts';
import { judgeVersion } from '../plan/tell/version.ts';
import { APPLICATION_CONDITIONS, type ApplicationCondition } from '../resource/conditions.ts';
import { concernsOneThing } from './applicationError.ts';
import { certify } from './certificates.ts';
import { type GatewayLook, lookAtGateway } from './gatewayLook.ts';
import { collectWhenDue } from './housekeeping.ts';
import { type ApplicationPass, journalOf, type PartResult } from './pass.ts';
import { type Reach, reachApi } from './reachApi.ts';
import { takeRegistrationStep } from './registrationStep.ts';
import { reshard } from './resharding.ts';
import { type DriftReport, synchronise } from './synchronise.ts';
import type { WebhookCheck } from './webhook.ts';

/** What the steps work with after the API was reached. */
interface Look {
  readonly key: string;
  readonly pass: ApplicationPass;
  /** Whether the number is registered; undefined while no node reports it. */
  readonly registered: boolean | undefined;
  readonly webhooks: WebhookCheck;
  /** What the gateway tells; undefined for a stack without the Cloud API. */
  readonly gateway: GatewayLook | undefined;
  readonly onDrift: (report: DriftReport) => void;
}

type Steps = {
  readonly [T in Exclude<ApplicationCondition, 'ApiReachable'>]: (look: Look) => Promise<PartResult<T>>;
};

/** The steps of the application controller after it reached the API, one for each condition that it reports. */
const STEPS: Steps = {
  TokenValid: async ({ pass, gateway }) => ({ verdict: judgeToken(cloudOf(pass), gateway) }),
  BuildCurrent: async ({ pass }) => ({
    verdict: judgeClient(pass.observed.resource, pass.observed.api?.support ?? {}, pass.nowMs),
  }),
  VersionCurrent: async ({ pass: { observed } }) => ({
    verdict: judgeVersion(
      observed.resource.spec.version,
      observed.api?.support ?? {},
      observed.journal?.rollout?.isActive ?? false,
    ),
  }),
  CertificatesReady: async ({ pass }) => ({ verdict: await certify(pass) }),
  SettingsSynced: async ({ pass, registered, onDrift }) => ({
    verdict: await synchronise(pass, registered === true, onDrift),
    retryAfterMs: registered === true ? await collectWhenDue(pass) : undefined,
  }),
  WebhookReady: async ({ key, pass, webhooks }) => ({ verdict: await webhooks.judge(key, pass) }),
  WebhookSubscribed: async ({ pass, gateway }) => ({ verdict: judgeSubscription(cloudOf(pass), gateway) }),
  Registered: async ({ pass, registered, gateway }) => {
    const isRegistered = isRegisteredWith(gateway, registered, journalOf(pass).registration?.confirmedAtMs);
    const obstacle = isRegistered ? undefined : registrationObstacle(cloudOf(pass), gateway);
    return obstacle ? { verdict: obstacle } : takeRegistrationStep(pass, isRegistered);
  },
  ShardsServed: ({ pass, registered }) => reshard(pass, registered === true),
  NumberHealthy: async ({ pass, gateway }) => ({ verdict: judgeNumber(cloudOf(pass), gateway) }),
};

const cloudOf = ({ observed }: ApplicationPass) => observed.resource.spec.cloud;

/** The result of a pass over a stack. */
export interface Findings {
  /** One for each condition that it reports. */
  readonly verdicts: Readonly<Record<ApplicationCondition, Verdict>>;
  /** Milliseconds until the next pass; infinite if no step asks for one. */
  readonly retryAfterMs: number;
}

/**
 * Reaches a stack's API and runs the steps in order. An error turns the condition of its step False. The steps after it
 * run all the same if it concerns only what the step declares; after any other error, such as a lost connection, they wait.
 */
export async function runSteps(
  reach: Reach,
  {
    webhooks,
    gateways,
    onDrift,
  }: Pick<Look, 'webhooks' | 'onDrift'> & { readonly gateways: Pick<GatewayClient, 'status'> },
  signal: AbortSignal,
): Promise<Findings> {
  const verdicts = new Map<ApplicationCondition, Verdict>();
  let current: ApplicationCondition = 'ApiReachable';
  let retryAfterMs = Number.POSITIVE_INFINITY;
  try {
    const { verdict, ...reached } = await inStep('step ApiReachable', () => reachApi(reach, signal));
    verdicts.set('ApiReachable', verdict);
    if (reached.pass) {
      const { pass, registered } = reached;
      const gateway = await lookAtGateway(pass.observed, gateways, signal);
      const look: Look = { key: reach.key, pass, registered, webhooks, gateway, onDrift };
      for (const type of APPLICATION_CONDITIONS) {
        if (type === 'ApiReachable') continue;
        current = type;
        const result = await runStep(type, look, signal);
        verdicts.set(type, result.verdict);
        retryAfterMs = Math.min(retryAfterMs, result.retryAfterMs ?? Number.POSITIVE_INFINITY);
      }
    }
  } catch (error) {
    if (signal.aborted) throw error;
    verdicts.set(current, failed(current, error));
  }
  return { verdicts: complete(verdicts, current), retryAfterMs };
}

async function runStep(type: keyof Steps, look: Look, signal: AbortSignal): Promise<PartResult> {
  try {
    const { refused, observed } = look.pass;
    return await refused.guard<PartResult>(type, observed, () =>
      inStep<PartResult>(`step ${type}`, () => STEPS[type](look)),
    );
  } catch (error) {
    if (signal.aborted || !concernsOneThing(error)) throw error;
    return { verdict: failed(type, error) };
  }
}

/** Adds a verdict for every step that did not run: it waits for the one that failed. */
const complete = (
  verdicts: ReadonlyMap<ApplicationCondition, Verdict>,
  last: ApplicationCondition,
): Findings['verdicts'] =>
  Object.fromEntries(
    APPLICATION_CONDITIONS.map((type) => [type, verdicts.get(type) ?? waitingFor(type, last)]),
  ) as Record<ApplicationCondition, Verdict>;
