import type { Network } from '../network.ts';

/** Watchers get an event at least this often, which shows them that the connection is open. */
const KEEP_ALIVE_MS = 15_000;
const OPEN = 'event: open\ndata: \n\n';

/** Server-sent events: `open` now and again, and a message for each change of a chat or a recording. */
export function changeEvents(network: Network): Response {
  let end = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => controller.enqueue(Buffer.from(text));
      const stopWatching = network.watch((change) => send(`data: ${JSON.stringify(change)}\n\n`));
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
