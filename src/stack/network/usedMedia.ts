import type { NetworkState } from './networkState.ts';
import type { UsedMedia } from './personalMedia.ts';

/** Checksums of media that events announce to Coreapps or the Graph API names, and of media that chats show. */
export function usedMedia(state: NetworkState): UsedMedia {
  const announced = new Set<string>();
  for (const { events, graphSettings } of state.numbers.values()) {
    if (graphSettings?.picture) announced.add(graphSettings.picture.sha256);
    for (const { body } of events)
      if (body.kind === 'inbound')
        for (const media of [body.media, body.referralMedia]) if (media) announced.add(media.sha256);
  }
  const shown = state.chats
    .toJSON()
    .flatMap(([, { messages }]) => messages.flatMap(({ media }) => media.map(({ sha256 }) => sha256)));
  for (const { sha256 } of state.graph.media.values()) announced.add(sha256);
  return { announced, shown: new Set(shown) };
}
