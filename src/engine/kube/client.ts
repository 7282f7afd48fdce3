import { type KubeObject, kindOf, type ResourceKind, resourcePath } from './kubeObject.ts';
import { metadataForm, ProtobufReader, type ReaderOptions } from './protobuf/protobufReader.ts';
import type { Transport } from './transport.ts';

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Asks for metadata only. */
  readonly metadataOnly?: boolean;
  /** Asks for JSON even where there is protobuf. */
  readonly jsonOnly?: boolean;
  /** Which fields to keep, such as `spec.nodeName`, beside apiVersion, kind and metadata; without it all. */
  readonly fields?: readonly string[] | undefined;
  /** Whether a list as protobuf keeps `metadata.managedFields`, as JSON does: by default it does. */
  readonly managedFields?: boolean;
}

export interface ListPage<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface ApplyOptions {
  readonly fieldManager: string;
  /** Takes fields over from other managers. Only for objects that we control. */
  readonly force?: boolean;
  readonly subresource?: 'status';
  /** The API server answers as if it stored the object, and stores nothing. */
  readonly dryRun?: boolean;
}

export interface CreateOptions {
  readonly fieldManager: string;
  /** See `ApplyOptions`. */
  readonly dryRun?: boolean;
  /** The API server answers with the metadata of the object only. */
  readonly metadataOnly?: boolean;
}

export interface DeleteOptions {
  /** Fails if the object was replaced meanwhile. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: 'Foreground' | 'Background' | 'Orphan';
  readonly gracePeriodSeconds?: number;
}

/** Objects in a page of a list. Parsing a page blocks the event loop for a few milliseconds. */
const PAGE_SIZE = 250;

/** The media types of metadata only, as JSON: of an object or an event, and of a list. */
export const METADATA_ONLY = `application/json${metadataForm(false)}`;
const METADATA_LIST = `application/json${metadataForm(true)}`;

/**
 * Calls the Kubernetes API. Objects are sent whole, as JSON: unknown fields are kept. Lists and the answers of writes come as
 * protobuf where the server has it, and are frozen then; fields that this project does not know are left out of them. So what
 * is to be changed and sent back has to come from `get`.
 */
export class KubeClient {
  readonly transport: Transport;
  readonly #readers = new Map<string, ProtobufReader | undefined>();

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async get<T extends KubeObject>(
    kind: ResourceKind,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<T> {
    return (await this.transport.request(
      { method: 'GET', path: resourcePath(kind, namespace, name) },
      signal,
    )) as T;
  }

  /** All objects, read page by page. Items carry their kind, which the API leaves out of lists. */
  async list<T extends KubeObject>(
    kind: ResourceKind,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ListPage<T>> {
    const { metadataOnly = false, fields, jsonOnly, managedFields = true } = options;
    const form = { metadataOnly, fields, managedFields, isList: true };
    const reader = jsonOnly ? undefined : this.#reader(kind, form);
    const items: T[] = [];
    let resourceVersion = '';
    let token: string | undefined;
    do {
      const page = (await this.transport.request(
        {
          method: 'GET',
          path: resourcePath(kind, options.namespace),
          ...(metadataOnly ? { accept: METADATA_LIST } : {}),
          reader,
          query: {
            limit: PAGE_SIZE,
            continue: token,
            labelSelector: options.labelSelector,
            fieldSelector: options.fieldSelector,
          },
        },
        signal,
      )) as { items: T[]; metadata: { resourceVersion: string; continue?: string } };
      for (const item of page.items) items.push(withKind(item, kind));
      resourceVersion = page.metadata.resourceVersion;
      token = page.metadata.continue || undefined;
    } while (token);
    return { items, resourceVersion };
  }

  /** The current resource version of the server. */
  async version(kind: ResourceKind, namespace: string | undefined, signal: AbortSignal): Promise<string> {
    const page = (await this.transport.request(
      { method: 'GET', path: resourcePath(kind, namespace), query: { limit: 1 } },
      signal,
    )) as { metadata: { resourceVersion: string } };
    return page.metadata.resourceVersion;
  }

  /** Server-side apply with strict field validation: an unknown field is an error, never dropped. */
  async apply<T extends KubeObject>(
    object: KubeObject,
    options: ApplyOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    return (await this.transport.request(
      {
        method: 'PATCH',
        path: resourcePath(kindOf(object), namespace, name, options.subresource),
        query: {
          fieldManager: options.fieldManager,
          force: options.force ?? false,
          fieldValidation: 'Strict',
          ...dryRunOf(options),
        },
        contentType: 'application/apply-patch+yaml',
        reader: this.#reader(kindOf(object), WHOLE),
        body: object,
      },
      signal,
    )) as T;
  }

  async create<T extends KubeObject>(
    object: KubeObject,
    options: CreateOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const kind = kindOf(object);
    return (await this.transport.request(
      {
        method: 'POST',
        path: resourcePath(kind, object.metadata.namespace),
        ...this.#answerOf(kind, options),
        query: { fieldManager: options.fieldManager, fieldValidation: 'Strict', ...dryRunOf(options) },
        body: object,
      },
      signal,
    )) as T;
  }

  /** Replaces an object; with `metadata.resourceVersion` only that version of it. */
  async update<T extends KubeObject>(
    object: KubeObject,
    options: { fieldManager: string; subresource?: 'status' },
    signal: AbortSignal,
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    return (await this.transport.request(
      {
        method: 'PUT',
        reader: this.#reader(kindOf(object), WHOLE),
        path: resourcePath(kindOf(object), namespace, name, options.subresource),
        query: { fieldManager: options.fieldManager, fieldValidation: 'Strict' },
        body: object,
      },
      signal,
    )) as T;
  }

  async mergePatch<T extends KubeObject>(
    kind: ResourceKind,
    target: {
      namespace?: string | undefined;
      name: string;
      subresource?: 'status';
      /** Default: what the API server makes of the user agent. */
      fieldManager?: string;
      /** See `ApplyOptions`; unknown fields are errors then. */
      dryRun?: boolean;
      /** See `CreateOptions`. */
      metadataOnly?: boolean;
    },
    patch: unknown,
    signal: AbortSignal,
  ): Promise<T> {
    return (await this.transport.request(
      {
        method: 'PATCH',
        path: resourcePath(kind, target.namespace, target.name, target.subresource),
        query: {
          fieldManager: target.fieldManager,
          ...(target.dryRun ? { ...dryRunOf(target), fieldValidation: 'Strict' } : {}),
        },
        contentType: 'application/merge-patch+json',
        ...this.#answerOf(kind, target),
        body: patch,
      },
      signal,
    )) as T;
  }

  /** Returns the object if it still exists while it is being deleted. */
  async delete(
    kind: ResourceKind,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const preconditions = {
      ...(options.uid ? { uid: options.uid } : {}),
      ...(options.resourceVersion ? { resourceVersion: options.resourceVersion } : {}),
    };
    const answer = (await this.transport.request(
      {
        method: 'DELETE',
        path: resourcePath(kind, namespace, name),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: options.propagation ?? 'Background',
          ...(options.gracePeriodSeconds === undefined
            ? {}
            : { gracePeriodSeconds: options.gracePeriodSeconds }),
          ...(Object.keys(preconditions).length > 0 ? { preconditions } : {}),
        },
      },
      signal,
    )) as KubeObject | undefined;
    return answer?.kind === kind.kind && answer.metadata?.deletionTimestamp ? answer : undefined;
  }

  #answerOf(kind: ResourceKind, { metadataOnly = false }: { readonly metadataOnly?: boolean }) {
    return metadataOnly
      ? { accept: METADATA_ONLY, reader: this.#reader(kind, { metadataOnly }) }
      : { reader: this.#reader(kind, WHOLE) };
  }

  #reader(kind: ResourceKind, options: ReaderOptions): ProtobufReader | undefined {
    const id = `${kind.apiVersion}/${kind.kind} ${JSON.stringify(options)}`;
    if (!this.#readers.has(id)) this.#readers.set(id, ProtobufReader.of(kind, options));
    return this.#readers.get(id);
  }
}

const WHOLE: ReaderOptions = { managedFields: true };

/** JSON leaves the kind out of lists. */
const withKind = <T extends KubeObject>(item: T, { apiVersion, kind }: ResourceKind): T =>
  item.kind === kind && item.apiVersion === apiVersion ? item : { ...item, apiVersion, kind };

const dryRunOf = ({ dryRun }: { readonly dryRun?: boolean }) => (dryRun ? { dryRun: 'All' } : {});
