import type { Logger } from '../../base/logger.ts';
import { REFUSED } from '../../cloud/counterparts.ts';
import { businessOf, graphFieldsOf } from '../../cloud/graphProfile.ts';
import type { NetworkProtocol } from '../wire/networkProtocol.ts';
import { type CallRequest, type CallResponse, Refusal } from '../wire/protocol.ts';
import { asked } from './cloudAccount.ts';
import type { GraphClient } from './graphClient.ts';

export interface CloudProfileOptions {
  readonly graph: Pick<GraphClient, 'profile' | 'setProfile' | 'picture' | 'uploadPicture'>;
  readonly logger: Logger;
  /** Ends with the gateway. */
  readonly signal: AbortSignal;
}

/** As the stack keeps a photo. */
interface Photo {
  readonly type: string;
  readonly base64: string;
}

/** The public profile, which the Cloud API keeps: people may also have changed it in the WhatsApp Manager. */
export class CloudProfile {
  readonly #options: CloudProfileOptions;

  constructor(options: CloudProfileOptions) {
    this.#options = options;
  }

  /** @throws Refusal with the reason */
  async get({
    part,
  }: CallRequest<NetworkProtocol, 'profile'>): Promise<CallResponse<NetworkProtocol, 'profile'>> {
    const { graph, signal } = this.#options;
    const profile = await asked(graph.profile(signal));
    switch (part) {
      case 'about':
        return profile.about ? { value: { text: profile.about } } : {};
      case 'business':
        return { value: businessOf(profile) };
      case 'photo': {
        const { profile_picture_url: url } = profile;
        if (url === undefined) return {};
        const { type, bytes } = await asked(graph.picture(url, signal));
        return { value: { type, base64: bytes.toString('base64') } satisfies Photo };
      }
    }
  }

  /** Without a value, that part is removed. @throws Refusal with the reason */
  async set({ part, value }: CallRequest<NetworkProtocol, 'setProfile'>): Promise<void> {
    const { graph, logger, signal } = this.#options;
    switch (part) {
      case 'about':
        await asked(graph.setProfile({ about: (value as { text: string }).text }, signal));
        break;
      case 'business':
        await asked(graph.setProfile(graphFieldsOf(value as Record<string, unknown>), signal));
        break;
      case 'photo': {
        if (value === undefined) throw new Refusal(REFUSED.photoRemoval.code, REFUSED.photoRemoval.details);
        const { type, base64 } = value as Photo;
        const handle = await asked(graph.uploadPicture(Buffer.from(base64, 'base64'), type, signal));
        await asked(graph.setProfile({ profile_picture_handle: handle }, signal));
      }
    }
    logger.info('the profile has changed', { part });
  }
}
