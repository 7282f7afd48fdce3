import type { Calls, Session } from '../calls.ts';

const EXTERNAL = '/v1/certificates/external';
const EXTERNAL_CA = `${EXTERNAL}/ca`;
const WEBHOOKS_CA = '/v1/certificates/webhooks/ca';
const PEM = 'text/plain';

/** Node Certificates. Source: docs/onprem/api-admin.md §11. */
export class Certificates {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * `POST /v1/certificates/external`: private key, certificate, at least one intermediate, in this order, as one PEM.
   * It takes effect when every Webapp has restarted; a faulty certificate keeps the Webapps from starting.
   */
  async setExternal(session: Session, pem: string, signal: AbortSignal): Promise<void> {
    await this.#calls.send(session, { method: 'POST', path: EXTERNAL, contentType: PEM, body: pem }, signal);
  }

  /** `GET /v1/certificates/external/ca`: PEM of the CA that signed the Webapp's certificate; undefined if there is none. */
  externalCa(session: Session, signal: AbortSignal): Promise<string | undefined> {
    return this.#calls.textIfThere(session, { method: 'GET', path: EXTERNAL_CA }, signal);
  }

  /** `GET /v1/certificates/webhooks/ca`; undefined if none is stored. */
  webhookCa(session: Session, signal: AbortSignal): Promise<string | undefined> {
    return this.#calls.textIfThere(session, { method: 'GET', path: WEBHOOKS_CA }, signal);
  }

  /** `POST /v1/certificates/webhooks/ca`, or `DELETE` without a PEM. All Coreapps need a restart afterwards. */
  async setWebhookCa(session: Session, pem: string | undefined, signal: AbortSignal): Promise<void> {
    const request =
      pem === undefined
        ? ({ method: 'DELETE', path: WEBHOOKS_CA } as const)
        : ({ method: 'POST', path: WEBHOOKS_CA, contentType: PEM, body: pem } as const);
    await this.#calls.send(session, request, signal);
  }
}
