import { readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';

type Files = Readonly<Record<'accessToken' | 'appSecret' | 'verifyToken', string>>;
type Secrets = Readonly<Record<keyof Files, string>>;

const LOOK_EVERY_MS = 2_000;

/** The secrets of the gateway, from files that may change while it runs: Kubernetes renews a mounted Secret. */
export class CloudSecrets {
  #current: Secrets;

  private constructor(current: Secrets) {
    this.#current = current;
  }

  /** @throws CodedError `NoSecret` for a file that is missing or empty */
  static async read(files: Files): Promise<CloudSecrets> {
    return new CloudSecrets(await readAll(files));
  }

  get current(): Secrets {
    return this.#current;
  }

  /** Looks for changes until the signal fires. `onToken`: there is another access token. */
  async watch(
    files: Files,
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
        this.#current = await readAll(files);
        if (before.accessToken === this.#current.accessToken) continue;
        logger.info('there is another access token');
        onToken();
      } catch (error) {
        logger.warn('the secrets cannot be read; those from before are used', { error });
      }
    }
  }
}

async function readAll(files: Files): Promise<Secrets> {
  const read = async (path: string): Promise<string> => {
    const text = (
      await readFile(path, 'utf8').catch((cause: unknown) => {
        throw new CodedError('NoSecret', `cannot read ${path}`, { cause });
      })
    ).trim();
    if (text === '') throw new CodedError('NoSecret', `${path} is empty`);
    return text;
  };
  const [accessToken, appSecret, verifyToken] = await Promise.all([
    read(files.accessToken),
    read(files.appSecret),
    read(files.verifyToken),
  ]);
  return { accessToken, appSecret, verifyToken };
}
