import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { systemClock } from '../../src/base/clock.ts';
import { VERSION } from '../../src/base/version.ts';
import { imageName } from '../../src/cli/quickstart/containerImages.ts';
import { install } from '../../src/cli/quickstart/quickstart.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { kinds } from '../../src/engine/kube/kubeObject.ts';
import type { ImageTable } from '../../src/local/processNode/containerCommand.ts';
import { createProgress } from '../../src/local/progress.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import {
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../../src/operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { type ClusterProcess, clusterProcesses, killProcesses } from './clusterProcesses.ts';
import { eventually } from './eventually.ts';
import { startTestCluster, type TestCluster } from './localCluster.ts';

const never = new AbortController().signal;
const OPERATOR = 'system:serviceaccount:waba-operator-system:waba-operator';

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number };
  readonly requestReceivedTimestamp: string;
}

/** A local cluster with the operator as a pod, with the permissions of deploy/install.yaml and an audit of its requests. */
export class OperatorCluster {
  readonly cluster: TestCluster;
  /** Of the stacks. */
  readonly namespace: string;
  readonly #auditLog: string;

  private constructor(cluster: TestCluster, namespace: string, auditLog: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.#auditLog = auditLog;
  }

  /**
   * @param images programs for more images than those of this checkout
   * @param namespace created if it is not `default`
   */
  static async start(images: ImageTable = {}, namespace = 'default'): Promise<OperatorCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'waba-audit-'));
    const policy = join(folder, 'policy.yaml');
    const auditLog = join(folder, 'audit.log');
    await writeFile(
      policy,
      JSON.stringify({
        apiVersion: 'audit.k8s.io/v1',
        kind: 'Policy',
        omitStages: ['RequestReceived'],
        rules: [{ level: 'Metadata', users: [OPERATOR] }, { level: 'None' }],
      }),
    );
    const cluster = await startTestCluster(images, {
      'kube-apiserver': [
        `--audit-policy-file=${policy}`,
        `--audit-log-path=${auditLog}`,
        '--audit-log-mode=blocking',
      ],
    });
    if (namespace !== 'default') await cluster.kubectl('create', 'namespace', namespace);
    return new OperatorCluster(cluster, namespace, auditLog);
  }

  get client() {
    return this.cluster.controlPlane.client;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectl(...args);
  }

  async installOperator(): Promise<void> {
    await install(
      {
        client: this.client,
        namespace: this.namespace,
        projectFolder: process.cwd(),
        operatorImage: imageName('operator', VERSION),
        clock: systemClock,
        progress: createProgress(process.stderr),
      },
      never,
    );
    await this.#allowProbes();
  }

  /** The receivers of tests listen on addresses that are not public. */
  async #allowProbes(): Promise<void> {
    const where = { namespace: 'waba-operator-system', name: 'waba-operator' };
    const { spec } = await this.client.get<
      KubeObject & { spec: { template: { spec: { containers: { args: string[] }[] } } } }
    >(kinds.Deployment, where.namespace, where.name, never);
    const containers = spec.template.spec.containers.map(({ args, ...container }) => ({
      ...container,
      args: args.map((arg) => (arg.startsWith('--webhook-probes=') ? '--webhook-probes=All' : arg)),
    }));
    await this.client.mergePatch(
      kinds.Deployment,
      where,
      { spec: { template: { spec: { containers } } } },
      never,
    );
  }

  /** Requests of the operator to the API server since `since`, without Leases. */
  async requests(since: Date): Promise<AuditEvent[]> {
    return (await this.#audit(since)).filter(({ objectRef }) => objectRef?.resource !== 'leases');
  }

  async #audit(since: Date): Promise<AuditEvent[]> {
    const text = await readFile(this.#auditLog, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as AuditEvent)
      .filter(
        ({ user, requestReceivedTimestamp }) =>
          user.username === OPERATOR && new Date(requestReceivedTimestamp) >= since,
      );
  }

  /** Denied requests of the operator since `since`, including Leases. */
  async denied(since: Date): Promise<string[]> {
    return (await this.#audit(since))
      .filter(({ responseStatus }) => responseStatus?.code === 403 || responseStatus?.code === 401)
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource} ${objectRef?.namespace ?? ''}`);
  }

  async apply(object: KubeObject): Promise<void> {
    await this.client.apply(object, { fieldManager: 'test', force: true }, never);
  }

  async applyFile(path: string): Promise<void> {
    const object = load(await readFile(path, 'utf8')) as KubeObject;
    await this.apply({ ...object, metadata: { namespace: this.namespace, ...object.metadata } });
  }

  async stack(name: string): Promise<WhatsAppDeployment> {
    const parsed = parseWhatsAppDeployment(
      await this.client.get(WhatsAppDeploymentKind, this.namespace, name, never),
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.resource;
  }

  async condition(name: string, type: string) {
    const { status, metadata } = await this.stack(name);
    const found = status?.conditions?.find((condition) => condition.type === type);
    return found?.observedGeneration === metadata.generation ? found : undefined;
  }

  /** Waits for Ready; a failure names the conditions that are not True. */
  async ready(name: string, timeoutMs = 90_000): Promise<WhatsAppDeployment> {
    try {
      await eventually(async () => (await this.condition(name, 'Ready'))?.status === 'True', timeoutMs);
    } catch (error) {
      const { status } = await this.stack(name);
      throw new Error(
        `${name} is not Ready: ${JSON.stringify(
          status?.conditions?.filter((condition) => condition.status !== 'True'),
          null,
          1,
        )}`,
        { cause: error },
      );
    }
    return this.stack(name);
  }

  /** Calls the control API of the network process. */
  async simulation<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
    const { spec } = await this.client.get<KubeObject & { spec: { clusterIP: string } }>(
      kinds.Service,
      this.namespace,
      'waba-network',
      never,
    );
    const secret = await this.client.get<SecretObject>(
      kinds.Secret,
      this.namespace,
      'waba-network-control',
      never,
    );
    const answer = await fetch(`http://${spec.clusterIP}:8080${path}`, {
      method,
      headers: { authorization: `Bearer ${decodeSecret(secret).token}` },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async pods(labelSelector: string, namespace = this.namespace) {
    const { items } = await this.client.list<KubeObject & { status?: { podIP?: string } }>(
      kinds.Pod,
      { namespace, labelSelector },
      never,
    );
    return items;
  }

  async operatorMetrics(): Promise<string> {
    const [pod] = await this.pods('', 'waba-operator-system');
    return (await fetch(`http://${pod?.status?.podIP}:8081/metrics`)).text();
  }

  async annotate(name: string, annotations: Record<string, string>): Promise<void> {
    await this.client.mergePatch(
      WhatsAppDeploymentKind,
      { namespace: this.namespace, name },
      { metadata: { annotations } },
      never,
    );
  }

  /** The state of a number in the network process. */
  async number(
    number: string,
  ): Promise<{ registrations: number; codeRequests: number; code?: string } | undefined> {
    const answer = await this.simulation<{
      numbers: { number: string; registrations: number; codeRequests: number; code?: string }[];
    }>('/numbers');
    return answer.numbers.find((candidate) => candidate.number === number);
  }

  async spec(name: string, patch: unknown): Promise<void> {
    await this.client.mergePatch(
      WhatsAppDeploymentKind,
      { namespace: this.namespace, name },
      { spec: patch },
      never,
    );
  }

  /** Sends SIGKILL. @returns false if the operator was not running */
  killOperator(): boolean {
    const isOperator = ({ command }: ClusterProcess) => command.includes('/usr/local/bin/waba-operator');
    return killProcesses(clusterProcesses(this.cluster).filter(isOperator)) > 0;
  }

  close(): Promise<void> {
    return this.cluster.close();
  }
}
