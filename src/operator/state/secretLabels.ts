import { isConflict, isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { fieldOwners, type ManagedFields } from '../../engine/kube/fieldOwners.ts';
import { type KubeObject, kinds, objectKey } from '../../engine/kube/kubeObject.ts';
import {
  FIELD_MANAGER,
  generatedSecretNames,
  isPlanOnly,
  names,
  secretLabels,
  sharedSecretNames,
} from '../plan/facts/names.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { belongsTo } from './ownership.ts';
import type { StackSources } from './stackSources.ts';

/**
 * Restores the labels of the Secrets that the operator wrote. Its watch shows only Secrets with its labels, so one without
 * them would look lost, and the stack with it. Other children get their labels back when they are applied.
 */
export class SecretLabels {
  readonly #client: KubeClient;
  readonly #sources: Pick<StackSources, 'secrets' | 'secretsOfStacks'>;
  readonly #recorder: EventRecorder;

  constructor(
    client: KubeClient,
    sources: Pick<StackSources, 'secrets' | 'secretsOfStacks'>,
    recorder: EventRecorder,
  ) {
    this.#client = client;
    this.#sources = sources;
    this.#recorder = recorder;
  }

  /** Calls the API server only for a Secret that exists and that the watch of our labels does not show as it should be. */
  async restore(resource: WhatsAppDeployment, signal: AbortSignal): Promise<void> {
    if (resource.spec.paused || isPlanOnly(resource)) return;
    const ours = [
      names(resource.metadata.name).journal,
      ...generatedSecretNames(resource),
      ...sharedSecretNames(resource),
    ];
    const seen = new Set<string>();
    // One may become hidden while another is restored.
    const next = () => ours.find((name) => !seen.has(name) && this.#isHidden(resource, name));
    for (let name = next(); name !== undefined; name = next()) {
      seen.add(name);
      await this.#restoreOne(resource, name, signal);
    }
  }

  #isHidden(resource: WhatsAppDeployment, name: string): boolean {
    const key = objectKey(resource.metadata.namespace, name);
    if (!this.#sources.secrets.cache.get(key)) return false;
    const labelled = this.#sources.secretsOfStacks.cache.get(key);
    const wanted = secretLabels(resource, name);
    return Object.keys(wanted).some((label) => labelled?.metadata.labels?.[label] !== wanted[label]);
  }

  /** Both controllers may do this at once, so a conflict means to look again. */
  async #restoreOne(resource: WhatsAppDeployment, name: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      try {
        const secret = await this.#restored(resource, name, signal);
        // The watch shows it later than this pass needs it.
        if (secret) this.#sources.secretsOfStacks.cache.observeWrite(secret);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error)) throw error;
      }
    }
  }

  /** The Secret with its labels; undefined if it is not ours. */
  async #restored(
    resource: WhatsAppDeployment,
    name: string,
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const { namespace } = resource.metadata;
    const secret = await this.#client.get<KubeObject>(kinds.Secret, namespace, name, signal);
    if (!belongsTo(resource)(secret)) return undefined;
    const wanted = secretLabels(resource, name);
    const missing = Object.keys(wanted).filter((key) => secret.metadata.labels?.[key] !== wanted[key]);
    if (missing.length === 0) return secret;
    const labelled = { ...secret.metadata, labels: { ...secret.metadata.labels, ...wanted } };
    // Not a patch: the role of the operator has no such right on Secrets.
    const written = await this.#client.update<KubeObject>(
      { ...secret, metadata: labelled },
      { fieldManager: FIELD_MANAGER },
      signal,
    );
    const fields = missing.map((key) => `metadata.labels.${key}`).join(', ');
    const managed = (secret.metadata.managedFields ?? []) as readonly ManagedFields[];
    const others = managed.filter(({ manager }) => manager !== FIELD_MANAGER);
    const [first = ''] = missing;
    const owner = fieldOwners(others, `metadata.labels.${first}`).join(' and ') || 'somebody';
    this.#recorder.record(resource as unknown as KubeObject, {
      type: 'Warning',
      reason: 'FieldReclaimed',
      message: `Secret ${name}: ${fields} changed by ${owner}, set back`,
    });
    return written;
  }
}

const MOST_ATTEMPTS = 3;
