import { hashOf } from '../../engine/kube/ownFields.ts';
import { CHECK_WEBHOOK } from '../plan/facts/names.ts';
import { holdsWebhookCa, NO_WEBHOOK_CA } from '../plan/facts/restartTopics.ts';
import { type SecretUse, secretValue } from '../plan/facts/secrets.ts';
import { failed, met, unmet, type Verdict } from '../plan/tell/conditions.ts';
import { ApplicationError } from './applicationError.ts';
import { type ApplicationPass, bringAbout, journalOf, notRestarted } from './pass.ts';
import { secretMissing } from './requiredSecret.ts';
import type { ProbeTarget, WebhookProbe } from './webhookProbe.ts';

/** A receiver that failed is probed again after this time; one that answered, only when something changes. */
const PROBE_FAILED_AGAIN_MS = 60_000;

interface Probed {
  readonly circumstances: string;
  /** The value of the annotation that requested this probe. */
  readonly request: string | undefined;
  readonly probe: WebhookProbe;
  readonly atMs: number;
}

type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<WebhookProbe>;

/** Whether callbacks can arrive: the CA is uploaded and effective, and the receiver answers the operator. */
export class WebhookCheck {
  readonly #probe: Probe;
  readonly #probed = new Map<string, Probed>();

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  lastProbe(key: string): WebhookProbe | undefined {
    return this.#probed.get(key)?.probe;
  }

  /** The value of the annotation that requested the last probe: `kubectl waba check` waits for the value that it set. */
  answeredRequest(key: string): string | undefined {
    return this.#probed.get(key)?.request;
  }

  forget(key: string): void {
    this.#probed.delete(key);
  }

  async judge(key: string, pass: ApplicationPass): Promise<Verdict<'WebhookReady'>> {
    const { webhook } = pass.observed.resource.spec;
    const reference = webhook?.caSecretRef;
    const pem = reference && secretValue(pass.observed, reference);
    if (reference && !pem?.trim()) return failed('WebhookReady', caMissing(pass, reference));
    if (reference && !pem?.includes('-----BEGIN CERTIFICATE-----'))
      return failed('WebhookReady', caRefused(reference));
    await uploadCa(pass, pem);
    const isRemoved = journalOf(pass).webhookCa.applied === NO_WEBHOOK_CA;
    if (!webhook && !isRemoved) return met('WebhookReady', 'NotConfigured', 'spec.webhook is not set');
    const waiting = notRestarted(pass, 'coreapp');
    if (waiting.length > 0)
      return unmet(
        'WebhookReady',
        'RestartingCoreapps',
        `the ${isRemoved ? 'removal of the ' : ''}webhook CA takes effect when the Coreapps have restarted; still to restart: ${waiting.join(', ')}`,
      );
    if (!webhook) return met('WebhookReady', 'NotConfigured', 'spec.webhook is not set');
    return verdictOf(await this.#current(key, pass, webhook.url, pem));
  }

  /** The last probe if it is still valid, or a new one. */
  async #current(
    key: string,
    pass: ApplicationPass,
    url: string,
    ca: string | undefined,
  ): Promise<WebhookProbe> {
    const request = pass.observed.resource.metadata.annotations[CHECK_WEBHOOK];
    const circumstances = hashOf([url, ca ?? null, request ?? null]);
    const known = this.#probed.get(key);
    const stands =
      known && (known.probe.problem === undefined || pass.nowMs - known.atMs < PROBE_FAILED_AGAIN_MS);
    if (stands && known.circumstances === circumstances) return known.probe;
    const { namespace } = pass.observed.resource.metadata;
    const probe = await this.#probe({ url, ca, namespace }, pass.signal);
    this.#probed.set(key, { circumstances, request, probe, atMs: pass.nowMs });
    return probe;
  }
}

/** The reason for the layer at which a probe failed. */
const FAILED = {
  Dns: 'DnsFailed',
  Connect: 'ConnectFailed',
  Tls: 'TlsFailed',
  Status: 'StatusFailed',
} as const satisfies Record<WebhookProbe['layer'], string>;

function verdictOf({ layer, problem, skipped, latencyMs }: WebhookProbe): Verdict<'WebhookReady'> {
  if (skipped !== undefined) return met('WebhookReady', 'NotProbed', skipped);
  if (problem !== undefined) return unmet('WebhookReady', FAILED[layer], problem);
  return met(
    'WebhookReady',
    'Answers',
    `the receiver answered with 200 within ${Math.ceil(latencyMs / 100) / 10} s`,
  );
}

const caMissing = ({ observed }: ApplicationPass, reference: SecretUse['reference']) =>
  secretMissing(observed, {
    reference,
    field: 'spec.webhook.caSecretRef',
    content: 'the CA of the webhook receiver',
  });

const caRefused = ({ name, key }: SecretUse['reference']) =>
  new ApplicationError(
    'SecretRefused',
    `key ${key} of Secret ${name} (spec.webhook.caSecretRef) holds no PEM certificate; put the CA of the webhook receiver into it`,
  );

/** Uploads the CA; without one, removes the CA that the operator uploaded before. */
async function uploadCa(pass: ApplicationPass, pem: string | undefined): Promise<void> {
  if (pem === undefined && !holdsWebhookCa(journalOf(pass))) return;
  const { asAdmin, signal } = pass;
  const current = await asAdmin((client, session) => client.certificates.webhookCa(session, signal));
  await bringAbout(pass, {
    topic: 'webhookCa',
    hash: pem === undefined ? NO_WEBHOOK_CA : hashOf(pem),
    isInPlace: current?.trim() === pem?.trim(),
    write: () => asAdmin((client, session) => client.certificates.setWebhookCa(session, pem, signal)),
  });
}
