import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { inClusterCredentials, kubeconfigCredentials } from './credentials.ts';

let folder: string;
let clock: VirtualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waba-credentials-'));
  clock = new VirtualClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
const write = (name: string, content: string) => writeFileSync(join(folder, name), content);

describe('credentials', () => {
  it('of a pod are its token and CA, read again after ten seconds or when they were refused', async () => {
    write('token', 'one\n');
    write('ca.crt', 'CA');
    write('namespace', 'shop');
    const credentials = await inClusterCredentials(env, clock, folder);
    expect(credentials).toMatchObject({ server: 'https://10.0.0.1:443', namespace: 'shop' });
    const token = async () => (await credentials.identity()).authorization;
    expect(await token()).toBe('Bearer one');
    write('token', 'two, longer');
    expect(await token()).toBe('Bearer one');
    await clock.advance(10_000);
    expect(await token()).toBe('Bearer two, longer');
    write('token', 'three, longest');
    credentials.refresh?.();
    expect(await token()).toBe('Bearer three, longest');
    // While the volume is swapped the files are not there for a moment.
    rmSync(join(folder, 'token'));
    await clock.advance(10_000);
    expect(await token()).toBe('Bearer three, longest');
  });

  it('outside a pod say what to do', async () => {
    await expect(inClusterCredentials({}, clock, folder)).rejects.toMatchObject({ code: 'NotInCluster' });
  });

  it('of a kubeconfig follow its exec plugin, its proxy and a change of the file', async () => {
    const config = (token: string) =>
      write(
        'config',
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          'current-context': 'c',
          clusters: [
            { name: 'k', cluster: { server: 'https://k.example.org', 'proxy-url': 'http://p:3128' } },
          ],
          contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'shop' } }],
          users: [
            {
              name: 'u',
              user: {
                exec: {
                  apiVersion: 'client.authentication.k8s.io/v1',
                  command: process.execPath,
                  interactiveMode: 'Never',
                  args: [
                    '-e',
                    `console.log(JSON.stringify({apiVersion:'client.authentication.k8s.io/v1',kind:'ExecCredential',status:{token:'${token}'}}))`,
                  ],
                },
              },
            },
          ],
        }),
      );
    config('from-plugin');
    const credentials = await kubeconfigCredentials(clock, { path: join(folder, 'config') });
    expect(credentials).toMatchObject({
      server: 'https://k.example.org',
      namespace: 'shop',
      proxyUrl: 'http://p:3128',
    });
    expect((await credentials.identity()).authorization).toBe('Bearer from-plugin');
    config('logged-in-anew');
    credentials.refresh?.();
    expect((await credentials.identity()).authorization).toBe('Bearer logged-in-anew');
  });

  it('without a kubeconfig say which file could not be read', async () => {
    await expect(kubeconfigCredentials(clock, { path: join(folder, 'none') })).rejects.toMatchObject({
      code: 'NoKubeconfig',
    });
  });
});
