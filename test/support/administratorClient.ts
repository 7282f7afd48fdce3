import { systemClock } from '../../src/base/clock.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type ApiEncoding, HttpsTransport, type RequestObserver } from '../../src/engine/kube/transport.ts';

/** A client with the rights of the kubeconfig at `path`, which may ask as fast as a test does. */
export async function administratorClient(
  path: string,
  observer?: RequestObserver,
  encoding?: ApiEncoding,
): Promise<KubeClient> {
  return new KubeClient(
    new HttpsTransport({
      credentials: await kubeconfigCredentials(systemClock, { path }),
      clock: systemClock,
      userAgent: 'test',
      queriesPerSecond: 1000,
      burst: 1000,
      encoding,
      ...(observer ? { observer } : {}),
    }),
  );
}
