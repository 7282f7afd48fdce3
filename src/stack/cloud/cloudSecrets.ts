import { readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import type { SecretName, SecretSource, SecretSources } from './cloudSettings.ts';

type Secrets = Readonly<Record<SecretName, string>> & { readonly controlToken: string | undefined };
type Sources = SecretSources & { readonly controlToken?: SecretSource | undefined };

const LOOK_EVERY_MS = 2_000;

/** The secrets of the gateway. Their files may change while it runs: Kubernetes renews a mounted Secret. */
export class CloudSecrets {
  readonly #sources: Sources;
  #current: Secrets;

  private constructor(sources: Sources, current: Secrets) {
    this.#sources = sources;
    this.#current = current;
  }

  /** @throws CodedError `NoSecret` for a file that is missing or empty */
  static async read(sources: Sources): Promise<CloudSecrets> {
    return new CloudSecrets(sources, await readAll(sources));
  }

  get current(): Secrets {
    return this.#current;
  }

  /** Looks for changes until the signal fires. `onToken`: there is another access token. */
  async watch(
    {
      clock,
      logger,
      onToken,
    }: { readonly clock: Clock; readonly logger: Logger; readonly onToken: () => void },
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      await sleep(clock, LOOK_EVERY_MS, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        const before = this.#current;
        this.#current = await readAll(this.#sources);
        if (before.accessToken === this.#current.accessToken) continue;
        logger.info('there is another access token');
        onToken();
      } catch (error) {
        logger.warn('the secrets cannot be read; those from before are used', { error });
      }
    }
  }
}

async function readAll(sources: Sources): Promise<Secrets> {
  const [accessToken, appSecret, verifyToken, controlToken] = await Promise.all([
    read(sources.accessToken),
    read(sources.appSecret),
    read(sources.verifyToken),
    sources.controlToken && read(sources.controlToken),
  ]);
  return { accessToken, appSecret, verifyToken, controlToken };
}

async function read(source: SecretSource): Promise<string> {
  if ('text' in source) return source.text;
  const text = await readFile(source.file, 'utf8').catch((cause: unknown) => {
    throw new CodedError('NoSecret', `cannot read ${source.file}`, { cause });
  });
  if (text.trim() === '') throw new CodedError('NoSecret', `${source.file} is empty`);
  return text.trim();
}
