import { REFUSED } from '../../cloud/counterparts.ts';
import { cloudId } from '../../cloud/messageIds.ts';
import type { Sessions } from '../network/sessions.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import { asked, type CloudAccount } from './cloudAccount.ts';
import type { CloudMedia } from './cloudMedia.ts';
import type { CloudProfile } from './cloudProfile.ts';
import type { CloudSender } from './cloudSender.ts';
import type { CloudEntry, CloudState } from './cloudState.ts';
import type { GraphClient } from './graphClient.ts';

export interface CloudParts {
  readonly account: CloudAccount;
  readonly sessions: Sessions;
  readonly sender: CloudSender;
  readonly media: CloudMedia;
  readonly profile: CloudProfile;
  readonly graph: Pick<GraphClient, 'markRead'>;
  /** `v26.0` */
  readonly graphVersion: string;
  readonly state: CloudState;
  readonly record: (...entries: CloudEntry[]) => Promise<void>;
  /** Ends with the gateway. */
  readonly signal: AbortSignal;
}

/** As `meta` of an answer names what is behind the stack. */
const BACKEND = 'cloud-api';
/** Messages that Graph keeps for so long anyway need no time to live of their own. */
const GRAPH_LIFE_DAYS = 30;

/** What the gateway answers Coreapps, primary Masters and Webapps. */
export function cloudHandlers(parts: CloudParts): Handlers<NetworkProtocol> {
  const { account, sessions, sender, media, profile, graph, graphVersion, state, record, signal } = parts;
  return {
    requestCode: (request) => account.requestCode(request),
    register: (request) => account.register(request),
    reshard: async () => {
      throw new Refusal(REFUSED.shards.code, REFUSED.shards.details);
    },
    login: async (request, peer) => {
      sessions.login(request, peer);
      return { isRecording: false, aliases: Object.fromEntries(state.aliases), movedMs: 0 };
    },
    send: async ({ id, to, type, body, media: files }, peer) => {
      sessions.of(peer);
      const wanted = files.map(({ type: mimeType, sha256 }) => ({ type: mimeType, sha256 }));
      await sender.accept({ id, to, type, body, media: wanted });
      return { isOnItsWay: true };
    },
    // Graph judges templates and products when the message is posted; its verdict is the status `failed`.
    check: async ({ ttl }) => {
      if (ttl !== undefined && ttl !== GRAPH_LIFE_DAYS)
        throw new Refusal(REFUSED.ttl.code, REFUSED.ttl.details);
      return {};
    },
    contacts: async ({ numbers }) => ({
      contacts: numbers.map((number) => ({ waId: state.waIdOf(number), hasWhatsApp: true, isKnown: true })),
    }),
    identity: async ({ waId }) => {
      const hash = state.identities.get(waId);
      if (hash === undefined) throw new Refusal(1006, `The Cloud API has told no identity of ${waId} yet`);
      return { hash };
    },
    markRead: async ({ id }) => {
      const wamid = state.wamidOf(id) ?? cloudId(id);
      if (wamid === undefined) throw new Refusal(1006, `No message ${id}`);
      await asked(graph.markRead(wamid, signal)).catch((error: unknown) => {
        // Graph says of an unknown message that a parameter is wrong.
        throw error instanceof Refusal && error.code === 1009 ? new Refusal(1006, `No message ${id}`) : error;
      });
      return {};
    },
    download: async ({ sha256, offset }) => ({ base64: await media.part(sha256, offset) }),
    hasMedia: async ({ sha256 }) => ({ has: await media.files.has(sha256) }),
    upload: async (part) => {
      await media.files.takePart(part);
      return {};
    },
    setPin: async (request) => {
      await account.setPin(request);
      return {};
    },
    profile: (request) => profile.get(request),
    setProfile: async (request) => {
      await profile.set(request);
      return {};
    },
    acknowledge: async ({ eventIds }, peer) => {
      const session = sessions.of(peer);
      await record({ type: 'acknowledged', eventIds });
      sessions.acknowledged(session, eventIds);
      return {};
    },
    // Only a simulation records callbacks, fails calls and keeps a log of both.
    recorded: async () => ({}),
    attachWebapp: async () => ({
      revision: 0,
      calls: [],
      movedMs: 0,
      backend: { name: BACKEND, version: graphVersion },
    }),
    apiFaultsSeen: async () => ({}),
    meetApiFault: async () => ({}),
    reportCallbacks: async () => ({}),
    reportRequests: async () => ({}),
    obeyed: async () => ({}),
  };
}
