import { readFile } from 'node:fs/promises';
import { ExecaError } from 'execa';
import { loadAll } from 'js-yaml';
import { systemClock } from '../../src/base/clock.ts';
import { VERSION } from '../../src/base/version.ts';
import type { ClusterOptions } from '../../src/cli/clusterAccess.ts';
import { runProgram, startProgram } from '../../src/cli/program.ts';
import { buildImages, type ImageSize, imageName, TARGETS } from '../../src/cli/quickstart/containerImages.ts';
import { kindDown, kindUp, loadImages, makeMediaVolumes } from '../../src/cli/quickstart/kindCluster.ts';
import { quickstartReceiver, RECEIVER } from '../../src/cli/quickstart/quickstartReceiver.ts';
import { Mask } from '../../src/cli/stack/doctor/mask.ts';
import { type ReachedService, reachService } from '../../src/cli/stack/reachService.ts';
import { type Simulate, withControlPort } from '../../src/cli/stack/simulation.ts';
import { writeSupportBundle } from '../../src/cli/stack/supportBundle.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { HttpsTransport } from '../../src/engine/kube/transport.ts';
import { createProgress } from '../../src/local/progress.ts';
import {
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../src/operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { never } from './cluster.ts';
import { POLICY_FIREWALL, policyFirewall } from './policyFirewall.ts';

const progress = createProgress(process.stderr);
const MANAGER = 'waba-e2e';

/** A cluster with a real kubelet, from kind or a context. Uses only programs that users have. */
export class E2eCluster {
  readonly client: KubeClient;
  /** Whether this run made it, and not a context. */
  readonly isOurs: boolean;
  /** Sizes of the images that were built for this run; empty with a context. */
  readonly images: readonly ImageSize[];
  readonly #options: ClusterOptions;
  readonly #flags: readonly string[];
  readonly #end: () => Promise<void>;

  private constructor(
    client: KubeClient,
    options: { readonly kubeconfig: string } | { readonly context: string },
    built: readonly ImageSize[],
    end: () => Promise<void>,
  ) {
    this.client = client;
    this.images = built;
    this.isOurs = 'kubeconfig' in options;
    this.#options = options;
    this.#flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    this.#end = end;
  }

  /**
   * Uses the context `WABA_E2E_CONTEXT`, whose machines can pull the images, or creates a kind cluster of three machines.
   * @param substitutes images of this machine that stand for official ones; undefined where the official one serves
   */
  static async open(substitutes: readonly (string | undefined)[]): Promise<E2eCluster> {
    const { env } = process;
    const context = env.WABA_E2E_CONTEXT;
    if (context) {
      const credentials = await kubeconfigCredentials(systemClock, { context });
      return new E2eCluster(connect(credentials), { context }, [], async () => {});
    }
    const options = { name: env.WABA_E2E_NAME ?? 'waba-e2e', workers: 2, env, progress };
    const now = new Date(systemClock.now());
    const built = await buildImages({ projectFolder: '.', version: VERSION, env, now, progress }, never);
    const { kubeconfig } = await kindUp(options, never);
    const firewall = env.WABA_E2E_POLICY_IMAGE;
    const images = TARGETS.map((target) => imageName(target, VERSION));
    await loadImages(
      options,
      [...images, ...[...substitutes, firewall].flatMap((image) => image || [])],
      never,
    );
    const client = connect(await kubeconfigCredentials(systemClock, { path: kubeconfig }));
    await makeMediaVolumes(client, never);
    const end = async () => {
      if (!env.WABA_E2E_KEEP) await kindDown(options, never);
    };
    const cluster = new E2eCluster(client, { kubeconfig }, built, end);
    if (firewall) await cluster.#enforcePolicies(firewall);
    return cluster;
  }

  async #enforcePolicies(image: string): Promise<void> {
    const { namespace, name } = POLICY_FIREWALL;
    await this.apply(namespace, policyFirewall(image));
    await this.kubectl('-n', namespace, 'rollout', 'status', `ds/${name}`, '--timeout=60s');
  }

  kubectl(...args: string[]): Promise<string> {
    return runProgram('kubectl', [...this.#flags, ...args], {}, never);
  }

  /** Applies objects with `kubectl apply -f -`. */
  apply(namespace: string, objects: readonly object[], ...flags: string[]): Promise<string> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    const args = [...this.#flags, '-n', namespace, 'apply', '-f', '-', ...flags];
    return runProgram('kubectl', args, { input }, never);
  }

  /** Runs the built `kubectl waba`. @throws CodedError `ProgramFailed` unless it ends with 0 */
  waba(namespace: string, ...args: string[]): Promise<string> {
    return runProgram(process.execPath, this.#wabaArgs(namespace, args), {}, never);
  }

  /** What it prints on stdout, and its exit code. */
  async wabaAnswer(namespace: string, ...args: string[]): Promise<{ code: number; stdout: string }> {
    const running = startProgram(process.execPath, this.#wabaArgs(namespace, args), {}, never);
    const { exitCode, stdout } = await running.catch((error: unknown) => {
      if (error instanceof ExecaError && error.exitCode !== undefined) return error;
      throw error;
    });
    return { code: exitCode ?? 1, stdout: String(stdout) };
  }

  /**
   * Runs one that ends only when it is told to, while `use` works with what it has printed until then, and interrupts it.
   */
  async whileWabaRuns(
    namespace: string,
    args: readonly string[],
    use: (printed: () => string) => Promise<void>,
  ): Promise<void> {
    const running = startProgram(process.execPath, this.#wabaArgs(namespace, args), {}, never);
    let printed = '';
    running.all?.on('data', (text: Buffer) => {
      printed += text.toString();
    });
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    try {
      await use(() => printed);
    } finally {
      running.kill('SIGINT');
      await ended;
    }
  }

  /** A Service of the cluster at an address of this machine. */
  reach(namespace: string, service: { name: string; port: number }): Promise<ReachedService> {
    const access = { client: this.client, namespace, server: '' };
    return reachService(access, this.#options, service, { signal: never });
  }

  #wabaArgs(namespace: string, args: readonly string[]): string[] {
    const at = args.indexOf('--');
    const [own, others] = at === -1 ? [args, []] : [args.slice(0, at), args.slice(at)];
    return ['dist/kubectl-waba.js', ...own, '-n', namespace, ...this.#flags, ...others];
  }

  helm(...args: string[]): Promise<string> {
    const flags = this.#flags.map((flag) => (flag === '--context' ? '--kube-context' : flag));
    return runProgram('helm', [...flags, ...args], {}, never);
  }

  /** The control API of the network process, while `use` calls it. */
  simulation<T>(namespace: string, use: (call: Simulate) => Promise<T>): Promise<T> {
    const access = { client: this.client, namespace, server: '' };
    return withControlPort(access, this.#options, { signal: never }, use);
  }

  /** Runs the receiver of the quickstart. @returns the `webhook` of stacks that it serves */
  async receiver(namespace: string): Promise<object> {
    const image = imageName('operator', VERSION);
    const objects = await quickstartReceiver(this.client, { namespace, image, fieldManager: MANAGER }, never);
    for (const object of objects)
      await this.client.apply(object, { fieldManager: MANAGER, force: true }, never);
    return {
      url: `https://${RECEIVER}.${namespace}.svc:8443/callbacks`,
      caSecretRef: { name: RECEIVER, key: 'ca.crt' },
    };
  }

  /** The objects of an example, with a substitute if the database image cannot be pulled. */
  async example(name: string): Promise<KubeObject[]> {
    const database = process.env.WABA_E2E_DATABASE_IMAGE;
    const objects = loadAll(await readFile(`examples/${name}.yaml`, 'utf8')) as KubeObject[];
    return objects.map((object) =>
      object.kind === WhatsAppDeploymentKind.kind && database
        ? { ...object, spec: { ...(object.spec as object), images: { database } } }
        : object,
    );
  }

  async stack(namespace: string, name: string): Promise<WhatsAppDeployment> {
    const parsed = parseWhatsAppDeployment(
      await this.client.get(WhatsAppDeploymentKind, namespace, name, never),
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.resource;
  }

  async ready(namespace: string, name: string): Promise<WhatsAppDeployment> {
    await this.kubectl('-n', namespace, 'wait', '--for=condition=Ready', `wad/${name}`, '--timeout=240s');
    return this.stack(namespace, name);
  }

  /** Names of objects as `kubectl get -o name` prints them. */
  async names(...args: string[]): Promise<string[]> {
    const printed = await this.kubectl('get', ...args, '-o', 'name', '--ignore-not-found');
    return printed.split('\n').filter(Boolean);
  }

  support(namespaces: readonly string[], file: string): Promise<void> {
    return writeSupportBundle({ client: this.client, namespaces, file, progress, mask: new Mask() }, never);
  }

  async close(): Promise<void> {
    this.client.transport.close();
    await this.#end();
  }
}

const connect = (credentials: ConstructorParameters<typeof HttpsTransport>[0]['credentials']) =>
  new KubeClient(new HttpsTransport({ credentials, clock: systemClock, userAgent: 'waba-e2e' }));
