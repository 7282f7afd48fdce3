import type { KubeRequest, Transport } from './transport.ts';

/**
 * A transport that keeps back the requests for which `fence` throws. It asks at the last moment: a request may wait long for
 * the rate limit or a connection.
 */
export function fencedTransport(inner: Transport, fence: (request: KubeRequest) => void): Transport {
  const fenced = (request: KubeRequest): KubeRequest => ({
    ...request,
    fence: () => {
      request.fence?.();
      fence(request);
    },
  });
  return {
    request: (request, signal) => inner.request(fenced(request), signal),
    stream: (request, signal) => inner.stream(fenced(request), signal),
    text: (request, signal) => inner.text(fenced(request), signal),
    close: () => inner.close(),
  };
}
