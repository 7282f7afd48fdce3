import type { Readable } from 'node:stream';
import * as z from 'zod';
import { type MediaProvider, mediaProvider } from '../../onprem/profile.ts';
import { settingsResponse } from '../../onprem/settings.ts';
import type { Calls, Session } from '../calls.ts';

const APPLICATION = '/v1/settings/application';
const PROVIDERS = `${APPLICATION}/media/providers`;
const ABOUT = '/v1/settings/profile/about';
const PHOTO = '/v1/settings/profile/photo';
const BUSINESS = '/v1/settings/business/profile';
const COMPLIANCE = '/v1/settings/business/compliance_info';

const anything = z.record(z.string(), z.unknown());
const inside = <S extends z.ZodType>(inner: S) => z.looseObject({ settings: inner });
const providersResponse = inside(
  z.looseObject({
    application: z.looseObject({ media: z.looseObject({ providers: z.array(mediaProvider).default([]) }) }),
  }),
);
const aboutResponse = inside(
  z.looseObject({ profile: z.looseObject({ about: z.looseObject({ text: z.string() }) }) }),
);
const businessResponse = inside(z.looseObject({ business: z.looseObject({ profile: anything }) }));
const complianceResponse = inside(z.looseObject({ business: z.looseObject({ compliance_info: anything }) }));
const backupResponse = inside(z.looseObject({ data: z.string() }));

/** Node Settings, by admin. Source: docs/onprem/api-admin.md §7–10. */
export class Settings {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `GET /v1/settings/application`. */
  async application(session: Session, signal: AbortSignal): Promise<Record<string, unknown>> {
    const call = { method: 'GET', path: APPLICATION } as const;
    return (await this.#calls.json(settingsResponse, session, call, signal)).settings.application;
  }

  /** `PATCH /v1/settings/application`: absent fields keep their values. Some settings take effect only with a restart. */
  async patchApplication(
    session: Session,
    patch: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'PATCH', path: APPLICATION, json: patch }, signal);
  }

  /** `DELETE /v1/settings/application`: resets all settings, the webhook too. */
  async resetApplication(session: Session, signal: AbortSignal): Promise<void> {
    await this.#calls.send(session, { method: 'DELETE', path: APPLICATION }, signal);
  }

  /** `GET /v1/settings/application/media/providers`, with their secrets. */
  async mediaProviders(session: Session, signal: AbortSignal): Promise<MediaProvider[]> {
    const call = { method: 'GET', path: PROVIDERS } as const;
    return (await this.#calls.json(providersResponse, session, call, signal)).settings.application.media
      .providers;
  }

  /** `POST` of the same: replaces a provider of the same name. */
  async setMediaProvider(session: Session, provider: MediaProvider, signal: AbortSignal): Promise<void> {
    await this.#calls.send(session, { method: 'POST', path: PROVIDERS, json: [provider] }, signal);
  }

  /** `DELETE …/media/providers/{name}`. @returns whether the provider existed */
  async removeMediaProvider(session: Session, name: string, signal: AbortSignal): Promise<boolean> {
    const call = { method: 'DELETE', path: `${PROVIDERS}/${encodeURIComponent(name)}` } as const;
    return (await this.#calls.textIfThere(session, call, signal)) !== undefined;
  }

  /** `GET /v1/settings/profile/about`: up to 139 characters. */
  async about(session: Session, signal: AbortSignal): Promise<string> {
    const call = { method: 'GET', path: ABOUT } as const;
    return (await this.#calls.json(aboutResponse, session, call, signal)).settings.profile.about.text;
  }

  /** `PATCH /v1/settings/profile/about`. */
  async setAbout(session: Session, text: string, signal: AbortSignal): Promise<void> {
    await this.#calls.send(session, { method: 'PATCH', path: ABOUT, json: { text } }, signal);
  }

  /** `GET /v1/settings/profile/photo`; undefined if there is none. The photo may be scaled. */
  photo(session: Session, signal: AbortSignal): Promise<{ type: string; content: Readable } | undefined> {
    return this.#calls.stream(session, { method: 'GET', path: PHOTO }, signal);
  }

  /** `POST /v1/settings/profile/photo`: JPEG or PNG, up to 5 MB, 640 by 640 recommended. */
  async setPhoto(
    session: Session,
    photo: Uint8Array,
    contentType: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'POST', path: PHOTO, contentType, body: [photo] }, signal);
  }

  /** `DELETE /v1/settings/profile/photo`. */
  async removePhoto(session: Session, signal: AbortSignal): Promise<void> {
    await this.#calls.send(session, { method: 'DELETE', path: PHOTO }, signal);
  }

  /** `GET /v1/settings/business/profile`: address, description, email, vertical, websites. */
  async businessProfile(session: Session, signal: AbortSignal): Promise<Record<string, unknown>> {
    const call = { method: 'GET', path: BUSINESS } as const;
    return (await this.#calls.json(businessResponse, session, call, signal)).settings.business.profile;
  }

  /** `POST` of the same: from v2.23 on, absent fields keep their values. */
  async setBusinessProfile(
    session: Session,
    profile: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'POST', path: BUSINESS, json: profile }, signal);
  }

  /** `GET /v1/settings/business/compliance_info` (India). */
  async complianceInfo(session: Session, signal: AbortSignal): Promise<Record<string, unknown>> {
    const call = { method: 'GET', path: COMPLIANCE } as const;
    return (await this.#calls.json(complianceResponse, session, call, signal)).settings.business
      .compliance_info;
  }

  /** `POST` of the same, replacing it as a whole. The business profile needs an address first. */
  async setComplianceInfo(
    session: Session,
    info: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'POST', path: COMPLIANCE, json: info }, signal);
  }

  /** `POST /v1/settings/backup`: registration and settings, encrypted with the password. Treat it as a credential. */
  async backup(session: Session, password: string, signal: AbortSignal): Promise<string> {
    const call = { method: 'POST', path: '/v1/settings/backup', json: { password } } as const;
    return (await this.#calls.json(backupResponse, session, call, signal)).settings.data;
  }

  /** `POST /v1/settings/restore`. On a registered stack the Coreapp stops and must be started again. */
  async restore(session: Session, password: string, data: string, signal: AbortSignal): Promise<void> {
    const json = { password, data };
    await this.#calls.send(
      session,
      { method: 'POST', path: '/v1/settings/restore', json, isRepeatable: false },
      signal,
    );
  }
}
