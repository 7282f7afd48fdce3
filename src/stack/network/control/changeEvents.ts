import type { Network } from '../network.ts';

/** Watchers get an event at least this often, which shows them that the connection is open. */
const KEEP_ALIVE_MS = 15_000;
/** Events that wait for a watcher to read them. */
const LONGEST_QUEUE = 1_000;
const OPEN = 'event: open\ndata: \n\n';

/**
 * Server-sent events: `open` now and again, a message for each change of a chat, a number or a person, and an event for each other
 * change, named for what it is about.
 */
export function changeEvents(network: Network): Response {
  let end = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => {
        // Somebody who does not read must not fill the memory.
        if ((controller.desiredSize ?? 0) < -LONGEST_QUEUE) {
          end();
          return controller.error(new Error('the watcher does not read'));
        }
        controller.enqueue(Buffer.from(text));
      };
      const stopWatching = network.notices.watch(({ about, ...notice }) => {
        const name = about === 'chat' ? '' : `event: ${about}\n`;
        send(`${name}data: ${JSON.stringify(notice)}\n\n`);
      });
      let cancelBeat = () => {};
      const beat = () => {
        send(OPEN);
        cancelBeat = network.clock.after(KEEP_ALIVE_MS, beat);
      };
      beat();
      end = () => {
        stopWatching();
        cancelBeat();
      };
    },
    cancel: () => end(),
  });
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
  });
}
