import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dump, load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import { listen } from '../../src/base/ports.ts';
import type { Report } from '../../src/cli/stack/doctor/report.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { type Ailment, ailments, type Patient } from '../support/stackAilments.ts';

/**
 * Breaks one thing after the other, and reads what `kubectl waba doctor` says before, with and after each. With
 * WABA_DOCTOR_REPORT, the file of that name gets what it prints: docs/doctor.md quotes it.
 */
const NUMBER = '16315558300';
const CLUSTER_NUMBER = '16315558400';
const FIVE_DAYS = 5;

let cluster: OperatorCluster;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let shortServer: Server;
let home: string;
let patient: Patient;

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function waba(...args: string[]): Promise<Run> {
  const kubeconfig = cluster.cluster.controlPlane.kubeconfigPath;
  return run([...args, '--kubeconfig', kubeconfig]);
}

async function run(args: readonly string[]): Promise<Run> {
  const command = [join(process.cwd(), 'dist/kubectl-waba.js'), ...args];
  const [error, output] = await promisify(execFile)(process.execPath, command, {
    maxBuffer: 32 * 1024 * 1024,
  }).then(
    (done) => [undefined, done] as const,
    (failed: Run) => [failed, failed] as const,
  );
  return { code: error?.code ?? 0, stdout: output.stdout, stderr: output.stderr };
}

async function doctor(name?: string): Promise<{ report: Report; code: number; text: string }> {
  const { code, stdout, stderr } = await waba('doctor', ...(name ? [name] : []), '-o', 'json');
  if (stdout === '') throw new Error(stderr);
  return { report: JSON.parse(stdout) as Report, code, text: stdout };
}

async function quote(title: string, ...args: string[]): Promise<void> {
  const file = process.env.WABA_DOCTOR_REPORT;
  if (file === undefined) return;
  const { code, stdout } = await waba(...args);
  await appendFile(file, `## ${title}\n$ kubectl waba ${args.join(' ')}\n${stdout}exit code ${code}\n\n`);
}

/** What is not well: `check verdict: evidence`. */
const troubles = ({ sections }: Report): string[] =>
  sections.flatMap(({ checks }) =>
    checks
      .filter(({ verdict }) => verdict === 'warning' || verdict === 'failed')
      .map(({ id, verdict, evidence }) => `${id} ${verdict}: ${evidence.join('; ')}`),
  );

const isFound = (report: Report, [check, verdict, says]: Ailment['found'][number]): boolean =>
  report.sections.some(({ checks }) =>
    checks.some(
      ({ id, verdict: given, evidence }) =>
        id === check && given === verdict && evidence.join('\n').includes(says),
    ),
  );

async function expectHealthy(name: string | undefined, timeoutMs: number): Promise<Report> {
  let last: readonly string[] = [];
  return eventually(async () => {
    const { report, code } = await doctor(name);
    last = troubles(report);
    return last.length === 0 && code === 0 ? report : undefined;
  }, timeoutMs).catch((cause: unknown) => {
    throw new Error(`the doctor complains about a healthy stack:\n${last.join('\n')}`, { cause });
  });
}

const secret = (name: string, stringData: Record<string, string>, type = 'Opaque'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type,
  metadata: { name, namespace: 'default' },
  stringData,
});

async function startShortLived(): Promise<{ url: string }> {
  const authority = await createAuthority({ subject: 'CN=short authority' });
  const issue = (hosts: string[]) =>
    issueCertificate(authority, { commonName: 'short-lived', hosts, usage: 'server', validDays: FIVE_DAYS });
  const pair = await issue(['127.0.0.1']);
  shortServer = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, (request, response) => {
    request.resume().once('end', () => response.writeHead(200).end());
  });
  const port = await listen(shortServer, { host: '127.0.0.1', port: 0 });
  await cluster.apply(secret('short-ca', { 'ca.crt': authority.certificatePem }));
  const web = await issue(['one-webapp.default.svc']);
  await cluster.apply(
    secret(
      'short-tls',
      { 'tls.crt': `${web.certificatePem}${authority.certificatePem}`, 'tls.key': web.privateKeyPem },
      'kubernetes.io/tls',
    ),
  );
  return { url: `https://127.0.0.1:${port}/hook` };
}

const stack = (name: string, spec: object): KubeObject => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  metadata: { name, namespace: 'default' },
  spec: { webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca' } }, ...spec },
});

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'waba-doctor-'));
  receiver = await startReceiver();
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=false');
  await cluster.apply(secret('hook-ca', { 'ca.crt': receiver.caPem }));
  const shortLived = await startShortLived();
  await cluster.apply(stack('one', { phoneNumber: `+${NUMBER}`, topology: 'Single' }));
  await cluster.ready('one', 180_000);
  patient = { cluster, receiver, shortLived, waba, number: NUMBER };
}, 300_000);
afterAll(async () => {
  await cluster?.close();
  await receiver?.close();
  shortServer?.closeAllConnections();
  shortServer?.close();
  await rm(home, { recursive: true, force: true });
});

describe('kubectl waba doctor', () => {
  it('finds nothing wrong with a healthy Single stack and its installation, and shows no number', async () => {
    const report = await expectHealthy('one', 60_000);
    expect(report.counts.ok).toBeGreaterThan(25);
    const { text } = await doctor('one');
    expect(text).not.toContain(NUMBER);
    const printed = await waba('doctor', 'one');
    expect(printed.stdout).toContain('Stack default/one');
    expect(printed.stdout).not.toContain(NUMBER);
    await quote('healthy', 'doctor', 'one');
  });

  it('finds nothing wrong with a healthy HighAvailability stack, and examines all stacks without a name', async () => {
    await cluster.apply(stack('two', { phoneNumber: `+${CLUSTER_NUMBER}`, topology: 'HighAvailability' }));
    await cluster.ready('two', 180_000);
    const { sections } = await expectHealthy(undefined, 60_000);
    expect(sections.map(({ of, name }) => name ?? of)).toEqual([
      'cluster',
      'waba-operator',
      'namespace',
      'one',
      'two',
    ]);
    await quote('healthy', 'status', 'two');
    await quote('healthy', 'doctor');
    await cluster.kubectl('delete', 'wad', 'two');
  });

  it('needs no more than the rights of its user, and says which checks could not run, and why', async () => {
    await cluster.kubectl('create', 'serviceaccount', 'reader');
    const rule = ['--verb=get,list', '--resource=whatsappdeployments.waba-operator.dev'];
    await cluster.kubectl('create', 'role', 'reader', ...rule);
    await cluster.kubectl(
      'create',
      'rolebinding',
      'reader',
      '--role=reader',
      '--serviceaccount=default:reader',
    );
    const token = (await cluster.kubectl('create', 'token', 'reader')).trim();
    const admin = load(await cluster.kubectl('config', 'view', '--raw')) as {
      users: { name: string; user: object }[];
    };
    const kubeconfig = join(home, 'reader');
    await writeFile(
      kubeconfig,
      dump({ ...admin, users: admin.users.map(({ name }) => ({ name, user: { token } })) }),
    );
    const { code, stdout } = await run(['doctor', 'one', '-o', 'json', '--kubeconfig', kubeconfig]);
    const report = JSON.parse(stdout) as Report;
    expect(troubles(report)).toEqual([]);
    expect(code).toBe(0);
    const answers = new Map(report.sections.flatMap(({ checks }) => checks.map((each) => [each.id, each])));
    expect(answers.get('pods')).toMatchObject({
      verdict: 'unknown',
      evidence: ['needs the right to list pods in namespace default'],
    });
    for (const id of ['operator', 'leader', 'nodes', 'certificates', 'database-password', 'callbacks'])
      expect(answers.get(id)?.evidence.join()).toContain('needs the right to');
    for (const id of ['crd', 'spec', 'database', 'registration', 'webhook'])
      expect(answers.get(id)?.verdict).toBe('ok');
    expect((await run(['doctor', 'one', '--strict', '--kubeconfig', kubeconfig])).code).toBe(3);
  });

  it('finds what is broken, one thing after the other, and nothing once it is mended', {
    timeout: 1_800_000,
  }, async () => {
    const misses: string[] = [];
    // At once as well: the test goes on for minutes.
    const miss = (text: string) => {
      misses.push(text);
      process.stderr.write(`${text}\n`);
    };
    const all = ailments(patient);
    for (const { what, stack: name = 'one', inflict, cure, found } of all) {
      await inflict().catch((error: unknown) => miss(`${what} cannot be inflicted: ${String(error)}`));
      let last: readonly string[] = [];
      await eventually(async () => {
        const { report, code } = await doctor(name);
        last = troubles(report);
        const isFailure = found.some(([, verdict]) => verdict === 'failed');
        return found.every((each) => isFound(report, each)) && (!isFailure || code === 3);
      }, 90_000).catch(() => miss(`${what}: ${last.join('\n  ')}`));
      await quote(what, 'doctor', name);
      await cure().catch((error: unknown) => miss(`${what} cannot be cured: ${String(error)}`));
      await expectHealthy('one', 150_000).catch((error: unknown) => miss(`after ${what}: ${String(error)}`));
    }
    expect(misses).toEqual([]);
    expect(all.length).toBeGreaterThanOrEqual(15);
  });
});
