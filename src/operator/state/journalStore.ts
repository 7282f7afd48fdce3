import { CodedError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import type { Source } from '../../engine/controller/sources.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds, objectKey } from '../../engine/kube/kubeObject.ts';
import { EMPTY_JOURNAL, type Journal, journalSchema } from '../plan/facts/journal.ts';
import { FIELD_MANAGER, NEXT_PASSWORD_KEY, names, stackLabels, WEBAPP_CA_KEY } from '../plan/facts/names.ts';
import { decodeSecret, type SecretObject } from '../plan/facts/secrets.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

const KEY = 'journal.json';

/** Journals by their Secret. Cached Secrets are frozen, and a pass reads the same one several times. */
const parsedJournals = new WeakMap<object, Journal>();

/** Parses the journal in its Secret. @throws CodedError `JournalUnreadable` */
export function readJournal(secret: SecretObject): Journal {
  const known = parsedJournals.get(secret);
  if (known) return known;
  const parsed = journalSchema.safeParse(safeJson(decodeSecret(secret)[KEY] ?? ''));
  if (parsed.success) {
    if (Object.isFrozen(secret)) parsedJournals.set(secret, parsed.data);
    return parsed.data;
  }
  throw new CodedError(
    'JournalUnreadable',
    `this version of the operator cannot read the journal in Secret ${secret.metadata.name}; restore the Secret from a backup, or run the operator version that wrote it`,
  );
}

const dataOf = (journal: Journal): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      [KEY]: JSON.stringify(journal),
      [WEBAPP_CA_KEY]: journal.webappCa,
      [NEXT_PASSWORD_KEY]: journal.passwordRotation?.next?.password,
    }).flatMap(([key, text]) => (text === undefined ? [] : [[key, Buffer.from(text).toString('base64')]])),
  );

/** Whether the Secret lacks a key that an earlier version did not write. */
export const isIncomplete = ({ data = {} }: SecretObject, journal: Journal): boolean =>
  Object.keys(dataOf(journal)).some((key) => data[key] === undefined);

/** Storage of journals. */
export interface Journals {
  /** Undefined if the stack has no journal yet. */
  read(resource: WhatsAppDeployment): Journal | undefined;
  /** Applies `change` to the journal that was read last, writes and returns it. Fails if another process wrote meanwhile. */
  update(
    resource: WhatsAppDeployment,
    change: (journal: Journal) => Journal,
    signal: AbortSignal,
  ): Promise<Journal>;
  /** Reads the journal anew, after another process or the other controller has written it. */
  refresh(resource: WhatsAppDeployment, signal: AbortSignal): Promise<void>;
}

/**
 * Reads and writes journals. A write is compare-and-swap on the version that was read, so if two processes take the same
 * decision, only one makes the call. @throws ApiError `Conflict`
 */
export class JournalStore implements Journals {
  readonly #client: KubeClient;
  readonly #secrets: Source<KubeObject>;

  constructor(client: KubeClient, secrets: Source<KubeObject>) {
    this.#client = client;
    this.#secrets = secrets;
  }

  /** Undefined if the stack has no journal yet. @throws CodedError `JournalUnreadable` */
  read(resource: WhatsAppDeployment): Journal | undefined {
    const secret = this.#find(resource);
    if (!secret) return undefined;
    return readJournal(secret);
  }

  async update(
    resource: WhatsAppDeployment,
    change: (journal: Journal) => Journal,
    signal: AbortSignal,
  ): Promise<Journal> {
    const secret = this.#find(resource);
    const next = change(this.read(resource) ?? EMPTY_JOURNAL);
    const { name, namespace } = resource.metadata;
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: names(name).journal,
        namespace,
        labels: stackLabels(name, 'secrets'),
        ...(secret?.metadata.resourceVersion ? { resourceVersion: secret.metadata.resourceVersion } : {}),
      },
      type: 'waba-operator.dev/journal',
      data: dataOf(next),
    };
    const options = { fieldManager: FIELD_MANAGER };
    const written = await (secret
      ? this.#client.update(object, options, signal)
      : this.#client.create(object, options, signal));
    this.#secrets.cache.observeWrite(written as KubeObject);
    return next;
  }

  async refresh({ metadata }: WhatsAppDeployment, signal: AbortSignal): Promise<void> {
    const secret = await this.#client.get<KubeObject>(
      kinds.Secret,
      metadata.namespace,
      names(metadata.name).journal,
      signal,
    );
    this.#secrets.cache.observeWrite(secret);
  }

  #find({ metadata }: WhatsAppDeployment): SecretObject | undefined {
    return this.#secrets.cache.get(objectKey(metadata.namespace, names(metadata.name).journal)) as
      | SecretObject
      | undefined;
  }
}
