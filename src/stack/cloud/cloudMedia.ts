import type { Clock } from '../../base/clock.ts';
import { Gate } from '../../base/gate.ts';
import type { Logger } from '../../base/logger.ts';
import type { PersonalMedia } from '../network/personalMedia.ts';
import { Refusal } from '../wire/protocol.ts';
import type { CloudEntry, CloudState, QueuedMessage } from './cloudState.ts';
import type { GraphClient } from './graphClient.ts';
import { mediaForm } from './mediaForm.ts';

export interface CloudMediaOptions {
  readonly state: CloudState;
  readonly record: (...entries: CloudEntry[]) => Promise<void>;
  readonly graph: Pick<GraphClient, 'upload' | 'download'>;
  readonly files: PersonalMedia;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends with the gateway. */
  readonly signal: AbortSignal;
}

/** An upload works for 30 days. Source: docs/onprem/cloud-migration.md §6. */
const UPLOAD_LIFE_MS = 29 * 86_400_000;
/** Media that a person sent stays here so long, because the business may ask for it later than Graph keeps it. */
const KEPT_MS = 30 * 86_400_000;
const AT_ONCE = 4;

/** Media on their way between the stack and the Cloud API, by checksum. */
export class CloudMedia {
  readonly #options: CloudMediaOptions;
  /** By checksum. */
  readonly files: PersonalMedia;
  readonly #gate = new Gate({ atOnce: AT_ONCE, longestQueue: Number.POSITIVE_INFINITY });
  readonly #uploading = new Map<string, Promise<string>>();
  readonly #fetching = new Map<string, Promise<void>>();

  constructor(options: CloudMediaOptions) {
    this.#options = options;
    this.files = options.files;
  }

  /** The id of an upload of this media; messages with the same media share one. @throws as `GraphClient.upload` */
  async upload({ type, sha256 }: QueuedMessage['media'][number], signal: AbortSignal): Promise<string> {
    const { state, clock } = this.#options;
    // The type is part of an upload.
    const key = `${sha256}/${type}`;
    const known = state.uploads.get(key);
    if (known && clock.now() - known.at < UPLOAD_LIFE_MS) return known.mediaId;
    const uploading =
      this.#uploading.get(key) ??
      this.#gate
        .run(() => this.#upload(key, { type, sha256 }, signal))
        .finally(() => this.#uploading.delete(key));
    this.#uploading.set(key, uploading);
    return uploading;
  }

  async #upload(
    key: string,
    { type, sha256 }: QueuedMessage['media'][number],
    signal: AbortSignal,
  ): Promise<string> {
    const { graph, files, record, clock } = this.#options;
    const mediaId = await graph.upload(await mediaForm(files.path(sha256), type), signal);
    await record({ type: 'uploaded', sha256: key, mediaId, at: clock.now() });
    return mediaId;
  }

  /** Base64 of the part of a person's media that begins at `offset`; empty at the end. @throws Refusal 1006 */
  async part(sha256: string, offset: number): Promise<string> {
    if (offset === 0 && !(await this.#options.files.has(sha256)))
      await this.fetch(sha256).catch((error: unknown) => {
        this.#options.logger.warn('media could not be fetched from the Cloud API', { sha256, error });
        throw new Refusal(1006, 'No such media');
      });
    return this.#options.files.part(sha256, offset);
  }

  /** Fetches media that a person sent, unless it is here. @throws as `GraphClient.download` */
  fetch(sha256: string): Promise<void> {
    const fetching =
      this.#fetching.get(sha256) ??
      this.#gate.run(() => this.#fetch(sha256)).finally(() => this.#fetching.delete(sha256));
    this.#fetching.set(sha256, fetching);
    return fetching;
  }

  async #fetch(sha256: string): Promise<void> {
    const { state, files, graph, signal } = this.#options;
    if (await files.has(sha256)) return;
    const known = state.receivedMedia.get(sha256);
    if (!known) throw new Refusal(1006, 'No such media');
    const kept = await files.keep(await graph.download(known.graphId, signal));
    if (kept !== sha256) throw new Refusal(1009, 'The checksum is not that of the media');
  }

  /** Deletes what no event announces and nobody may ask for any more. */
  async collect(): Promise<void> {
    const { state, files, clock } = this.#options;
    const since = clock.now() - KEPT_MS;
    const announced = new Set(
      state.events.flatMap(({ body }) => (body.kind === 'inbound' && body.media ? [body.media.sha256] : [])),
    );
    for (const { media } of state.queued.values()) for (const { sha256 } of media) announced.add(sha256);
    const shown = [...state.receivedMedia].filter(([, { at }]) => at > since).map(([sha256]) => sha256);
    await files.collect({ announced, shown: new Set(shown) }, clock.now());
  }
}
