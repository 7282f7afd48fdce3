import * as z from 'zod';
import { type Caller, Calls, type Request } from './calls.ts';
import { AccountNode } from './endpoints/account.ts';
import { Certificates } from './endpoints/certificates.ts';
import { Contacts } from './endpoints/contacts.ts';
import { Media } from './endpoints/media.ts';
import { Messages } from './endpoints/messages.ts';
import { Health, Metrics, Services, Stats, Support } from './endpoints/operations.ts';
import { Settings } from './endpoints/settings.ts';
import { Stickerpacks } from './endpoints/stickerpacks.ts';
import { Users } from './endpoints/users.ts';
import type { StackTransport } from './stackTransport.ts';

/**
 * The On-Premises API, by its 13 nodes. A call takes credentials and a signal that aborts it. It may throw StackError
 * (refused), StackUnreachable (no answer: the stack may have done it) and CodedError `BadAnswer`. The client does not
 * retry; a transport may.
 */
export class StackClient {
  readonly account: AccountNode;
  readonly certificates: Certificates;
  readonly contacts: Contacts;
  readonly health: Health;
  readonly media: Media;
  readonly messages: Messages;
  readonly metrics: Metrics;
  readonly services: Services;
  readonly settings: Settings;
  readonly stats: Stats;
  readonly stickerpacks: Stickerpacks;
  readonly support: Support;
  readonly users: Users;
  readonly #transport: StackTransport;
  readonly #calls: Calls;

  constructor(transport: StackTransport) {
    this.#transport = transport;
    const calls = new Calls(transport);
    this.#calls = calls;
    this.account = new AccountNode(calls);
    this.certificates = new Certificates(calls);
    this.contacts = new Contacts(calls);
    this.health = new Health(calls);
    this.media = new Media(calls);
    this.messages = new Messages(calls);
    this.metrics = new Metrics(calls);
    this.services = new Services(calls);
    this.settings = new Settings(calls);
    this.stats = new Stats(calls);
    this.stickerpacks = new Stickerpacks(calls);
    this.support = new Support(calls);
    this.users = new Users(calls);
  }

  /** Calls an endpoint that has no method here. @returns its JSON answer, unchecked */
  request(caller: Caller, request: Request, signal: AbortSignal): Promise<unknown> {
    return this.#calls.json(z.unknown(), caller, request, signal);
  }

  close(): void {
    this.#transport.close();
  }
}
