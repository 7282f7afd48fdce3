import { hashOf } from '../../engine/kube/ownFields.ts';
import { CHECK_WEBHOOK } from '../plan/facts/names.ts';
import { met, unmet, type Verdict } from '../plan/tell/conditions.ts';
import { type ApplicationPass, behind, bringAbout, secretValue } from './pass.ts';
import type { WebhookProbe } from './webhookProbe.ts';

/** How long a verdict stands: one that is good until something changes, another for a minute. */
const AGAIN_MS = 60_000;

interface Checked {
  readonly circumstances: string;
  /** Who asked for it: the value of the annotation. */
  readonly asked: string | undefined;
  readonly probe: WebhookProbe;
  readonly atMs: number;
}

type Probe = (url: string, ca: string | undefined, signal: AbortSignal) => Promise<WebhookProbe>;

/** Whether callbacks can arrive: the CA is uploaded and effective, and the receiver answers from here. */
export class WebhookCheck {
  readonly #probe: Probe;
  readonly #checked = new Map<string, Checked>();

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  /** What the last look at a receiver came to. */
  last(key: string): WebhookProbe | undefined {
    return this.#checked.get(key)?.probe;
  }

  /** Whose question it answered. */
  answered(key: string): string | undefined {
    return this.#checked.get(key)?.asked;
  }

  forget(key: string): void {
    this.#checked.delete(key);
  }

  async judge(key: string, pass: ApplicationPass): Promise<Verdict<'WebhookReady'>> {
    const { resource } = pass.observed;
    const { webhook } = resource.spec;
    if (!webhook) return met('WebhookReady', 'NotConfigured', 'no webhook is asked for');
    const reference = webhook.caSecretRef;
    const pem = reference && secretValue(pass.observed, reference);
    if (reference && pem === undefined)
      return unmet(
        'WebhookReady',
        'SecretMissing',
        `Secret ${reference.name} has no key ${reference.key}; put the CA of the receiver there`,
      );
    if (pem !== undefined) await uploadCa(pass, pem);
    const waiting = behind(pass, 'coreapp');
    if (waiting.length > 0)
      return unmet(
        'WebhookReady',
        'RestartingCoreapps',
        `the webhook CA takes effect when these have restarted: ${waiting.join(', ')}`,
      );
    return this.#verdict(await this.#look(key, pass, webhook.url, pem));
  }

  async #look(
    key: string,
    pass: ApplicationPass,
    url: string,
    ca: string | undefined,
  ): Promise<WebhookProbe> {
    const asked = pass.observed.resource.metadata.annotations[CHECK_WEBHOOK];
    const circumstances = hashOf([url, ca ?? null, asked ?? null]);
    const known = this.#checked.get(key);
    const stands = known && (known.probe.problem === undefined || pass.nowMs - known.atMs < AGAIN_MS);
    if (stands && known.circumstances === circumstances) return known.probe;
    const probe = await this.#probe(url, ca, pass.signal);
    this.#checked.set(key, { circumstances, asked, probe, atMs: pass.nowMs });
    return probe;
  }

  #verdict({ layer, problem, latencyMs }: WebhookProbe): Verdict<'WebhookReady'> {
    if (problem !== undefined) return unmet('WebhookReady', `${layer}Failed`, problem);
    return met(
      'WebhookReady',
      'Answers',
      `the receiver answers with 200 within ${Math.ceil(latencyMs / 100) / 10} s`,
    );
  }
}

async function uploadCa(pass: ApplicationPass, pem: string): Promise<void> {
  const { asAdmin, signal } = pass;
  const current = await asAdmin((client, session) => client.certificates.webhookCa(session, signal));
  await bringAbout(pass, {
    topic: 'webhookCa',
    hash: hashOf(pem),
    isInPlace: current !== undefined && current.trim() === pem.trim(),
    write: () => asAdmin((client, session) => client.certificates.setWebhookCa(session, pem, signal)),
  });
}
