import { isTemplate } from '../../onprem/templateMessage.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import type { ApiFaults } from './apiFaults.ts';
import type { CallbackLog } from './callbackLog.ts';
import { productProblem } from './catalog.ts';
import type { Entry } from './networkEntries.ts';
import type { NetworkState } from './networkState.ts';
import type { Orders } from './orders.ts';
import type { People } from './people.ts';
import type { PersonalMedia } from './personalMedia.ts';
import type { Registrar } from './registrar.ts';
import type { RequestLog } from './requestLog.ts';
import type { Sessions } from './sessions.ts';
import type { Submissions } from './submissions.ts';
import { templateProblem } from './templates.ts';

export interface NetworkParts {
  readonly state: NetworkState;
  readonly sessions: Sessions;
  readonly registrar: Registrar;
  readonly submissions: Submissions;
  readonly people: People;
  readonly media: PersonalMedia;
  readonly apiFaults: ApiFaults;
  readonly callbacks: CallbackLog;
  readonly requests: RequestLog;
  readonly orders: Orders;
  /** A number was registered with an On-Premises installation. */
  readonly onRegistered: (number: string) => Promise<void>;
  readonly record: (...entries: Entry[]) => Promise<void>;
  readonly now: () => number;
  /** By how much tests have moved the clock. */
  readonly movedMs: () => number;
}

/** What the network answers Coreapps, primary Masters and Webapps. */
export function networkHandlers(parts: NetworkParts): Handlers<NetworkProtocol> {
  const { state, sessions, registrar, submissions, people, media, apiFaults, record, now, movedMs } = parts;
  const { callbacks, requests, orders } = parts;
  return {
    requestCode: (request) => registrar.requestCode(request),
    register: async (request) => {
      const registered = await registrar.register(request);
      // A number has one installation: a new registration ends the sessions of the one before.
      sessions.replaceAll(request.number, 'the number was registered elsewhere');
      await parts.onRegistered(request.number);
      return registered;
    },
    reshard: async (request) => {
      const isRegistered = await registrar.reshard(request);
      if (!isRegistered)
        sessions.replaceAll(
          request.cc + request.phone_number,
          'a shard change came too late after registration',
        );
      return { isRegistered };
    },
    login: async (request, peer) => {
      sessions.login(request, peer);
      const isRecording = state.known(request.number).recording?.isOn === true;
      return { isRecording, aliases: state.aliases(), movedMs: movedMs() };
    },
    send: async (request, peer) => ({ billing: await submissions.accept(request, sessions.of(peer)) }),
    check: async ({ number, type, content }) => {
      const { templates = [], catalog } = state.known(number);
      const problem = isTemplate(type)
        ? templateProblem(content as never, templates)
        : productProblem(content as never, catalog);
      if (problem && !('isWarning' in problem && problem.isWarning))
        throw new Refusal(problem.code, problem.details);
      return {};
    },
    contacts: async ({ numbers, isCheck }, peer) => ({
      contacts: await people.contacts(sessions.of(peer).number, numbers, isCheck),
    }),
    identity: async ({ waId }) => ({ hash: people.identityOf(waId) }),
    markRead: async ({ id }, peer) => {
      const { number } = sessions.of(peer);
      if (state.isRead(number, id) === undefined) throw new Refusal(1006, `No message ${id}`);
      await record({ type: 'read-by-business', number, id });
      return {};
    },
    download: async ({ sha256, offset }) => ({ base64: await media.part(sha256, offset) }),
    hasMedia: async ({ sha256 }) => ({ has: await media.has(sha256) }),
    upload: async (part) => {
      await media.takePart(part);
      return {};
    },
    setPin: async (request) => {
      await registrar.setPin(request);
      return {};
    },
    // Only the Cloud API keeps it at the servers.
    profile: async () => ({}),
    setProfile: async () => ({}),
    acknowledge: async ({ eventIds }, peer) => {
      const session = sessions.of(peer);
      await record({ type: 'acknowledged', number: session.number, eventIds });
      sessions.acknowledged(session, eventIds);
      return {};
    },
    recorded: async ({ body }, peer) => {
      const { number } = sessions.of(peer);
      await record({ type: 'recorded', number, at: now(), body });
      return {};
    },
    attachWebapp: async ({ webapp }, peer) => ({ ...apiFaults.attach(webapp, peer), movedMs: movedMs() }),
    apiFaultsSeen: async ({ revision }, peer) => {
      apiFaults.seen(revision, peer);
      return {};
    },
    meetApiFault: async (call) => ({ fault: apiFaults.meet(call) }),
    reportCallbacks: async ({ reports, skipped }, peer) => {
      const { number } = sessions.of(peer);
      for (const report of reports) callbacks.take(number, report);
      callbacks.skipped += skipped;
      return {};
    },
    reportRequests: async ({ webapp, reports, skipped }) => {
      for (const report of reports) requests.take(webapp, report);
      requests.skipped += skipped;
      return {};
    },
    obeyed: async ({ order }, peer) => {
      orders.obeyed(order, peer);
      return {};
    },
  };
}
