import { type ApplicationSettings, DEFAULT_SETTINGS, mergeSettings } from '../../onprem/settings.ts';

export interface Account {
  readonly cc: string;
  readonly phoneNumber: string;
  readonly vname: string;
  readonly cert: string;
  readonly registrationKey: string | undefined;
  readonly pin: string | undefined;
}

const SETTINGS = 'application';

/** Settings and account of the stack: what every node reads and only the primary Master writes. */
export abstract class ConfigStore {
  /** What the account keeps beside its settings: profile, media providers, sticker packs. */
  abstract document(name: string): Promise<unknown>;
  /** `undefined` removes it. */
  abstract saveDocument(name: string, content: unknown): Promise<void>;
  /** All of them, for a backup. */
  abstract documents(): Promise<Record<string, unknown>>;
  abstract account(): Promise<Account | undefined>;
  abstract saveAccount(account: Account): Promise<void>;
  /** PEM. */
  abstract webhookCa(): Promise<string | undefined>;
  abstract setWebhookCa(pem: string | undefined): Promise<void>;

  /** What differs from the defaults is stored, so that later versions may have better defaults. */
  async settings(): Promise<ApplicationSettings> {
    return mergeSettings(DEFAULT_SETTINGS as ApplicationSettings, await this.#changed());
  }

  async patchSettings(patch: Record<string, unknown>): Promise<void> {
    await this.saveDocument(SETTINGS, mergeSettings(await this.#changed(), patch));
  }

  resetSettings(): Promise<void> {
    return this.saveDocument(SETTINGS, undefined);
  }

  async #changed(): Promise<Record<string, unknown>> {
    return ((await this.document(SETTINGS)) as Record<string, unknown> | undefined) ?? {};
  }
}
