import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/base/ports.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'waba-home-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const cli = (...args: string[]) =>
  promisify(execFile)(process.execPath, [resolve('dist/kubectl-waba.js'), ...args], {
    env: { ...process.env, XDG_DATA_HOME: home },
  });
/** Running processes that mention the home folder of this test, without zombies. */
const processes = () => {
  const lines = execFileSync('ps', ['-eo', 'pid,stat,args'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(home) && !/^\s*\d+\s+Z/.test(line));
};
const failure = (error: unknown) => error as { stdout: string; stderr: string; code: number };

/** The commands that a user runs on a running stack. */
async function commandsOfAStack(kubeconfig: string): Promise<void> {
  const waba = async (...args: string[]) => (await cli(...args, '--kubeconfig', kubeconfig)).stdout;
  const failing = async (...args: string[]) =>
    failure(await cli(...args, '--kubeconfig', kubeconfig).catch((error: unknown) => error));
  const caFile = join(home, 'ca.pem');
  const token = (await waba('login', 'shop', '--ca-file', caFile)).trim();
  expect(token.split('.')).toHaveLength(3);
  expect(await readFile(caFile, 'utf8')).toContain('BEGIN CERTIFICATE');
  const login = JSON.parse(await waba('login', 'shop', '-o', 'json')) as { expires: string };
  expect(Date.parse(login.expires)).toBeGreaterThan(Date.now() + 6 * 86_400_000);

  const sent = await waba('send', 'shop', '--to', '16505550011', '--text', 'Hello', '--open', '--watch');
  expect(sent.split('\n')[0]).toMatch(/^accepted gB/);
  expect(sent.trim().split('\n').at(-1)).toBe('read');
  const late = await failing('send', 'shop', '--to', '16505550012', '--watch');
  expect(late).toMatchObject({ code: 1, stdout: expect.stringContaining('failed 470') });
  expect((await failing('send', 'shop', '--to', '16505550012', '--message', '[')).stderr).toContain(
    '--message must be',
  );

  expect(await waba('shards', 'shop')).toMatch(
    /^SHARD\s+OWNER\s+GATEWAY\n0\s+shop-coreapp-\d-0\s+connected\n/,
  );
  expect((await failing('shards', 'shop', '--set', '3')).code).toBe(2);
  expect(await waba('users', 'shop')).toMatch(/admin\s+ROLE_ADMIN\s+yes\s+Secret shop-admin, key password/);
  expect(await waba('contacts', 'shop', '+1 650 555 0011', '00999')).toMatch(
    /^NUMBER\s+STATUS\s+WHATSAPP ID\n\+1 650 555 0011\s+valid\s+16505550011\n00999\s+\S+/,
  );
  const logs = await waba('logs', 'shop', '--since', '2h');
  for (const role of ['webapp', 'master', 'coreapp']) expect(logs).toContain(`shop-${role}`);
  expect(logs).toMatch(/^\d\d:\d\d:\d\d\.\d{3} shop-/);
  const masters = (await waba('logs', 'shop', '--since', '2h', '--role', 'master')).trim().split('\n');
  expect(masters.filter((line) => !line.slice(13).startsWith('shop-master-'))).toEqual([]);
  expect(await waba('check', 'shop')).toContain('Answers: the receiver answered with 200');
  await waba('pause', 'shop');
  await eventually(async () => (await waba('status', 'shop', '-o', 'json')).includes('"Paused"'));
  expect((await failing('status', 'shop', '-n', 'nowhere')).stderr).toContain(
    'no WhatsAppDeployment shop in namespace nowhere',
  );
  await waba('resume', 'shop');
  await waba('wait', 'shop', '--timeout', '2m');
  await waba('restart', 'shop', '--role', 'webapp');
  expect(await waba('events', 'shop')).toMatch(/^AGE +TYPE +REASON/);
  expect(await waba('version')).toContain('operator waba-operator-system/waba-operator');
  // The line ends with the word to complete, and `waba` would add to it.
  const words = async () =>
    (await cli('completion-words', '--kubeconfig', kubeconfig, 'pause', 's')).stdout.split('\n');
  await eventually(async () => (await words()).includes('shop'), 60_000);
  await eventually(async () => {
    const stack = JSON.parse(await waba('status', 'shop', '-o', 'json')) as { status: { phase: string } };
    return stack.status.phase === 'Ready';
  });
}

/** What a change will do, said before and seen after it. */
async function changesOfAStack(kubeconfig: string): Promise<void> {
  const waba = async (...args: string[]) => (await cli(...args, '--kubeconfig', kubeconfig)).stdout;
  const failing = async (...args: string[]) =>
    failure(await cli(...args, '--kubeconfig', kubeconfig).catch((error: unknown) => error));
  const example = load(await readFile('examples/quickstart.yaml', 'utf8')) as { readonly spec: object };
  const file = join(home, 'changed.json');
  const declare = (spec: object) =>
    writeFile(
      file,
      JSON.stringify({
        apiVersion: 'waba-operator.dev/v1alpha1',
        kind: 'WhatsAppDeployment',
        metadata: { name: 'shop', namespace: 'default' },
        spec: { ...example.spec, ...spec },
      }),
    );
  await declare({});
  expect(await waba('plan', '-f', file, '--exit-code')).toContain('nothing would happen');
  expect(await waba('plan', 'shop')).toContain('nothing would happen');
  await declare({ multiconnect: { shards: 3 } });
  expect(await failing('plan', '-f', file)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('multiconnect.shards must be 1, 2, 4, 8, 16 or 32'),
  });
  await declare({ version: 'v2.59.1' });
  const preview = await failing('plan', '-f', file, '--exit-code', '--diff');
  expect(preview.code).toBe(2);
  for (const pod of ['shop-master-0-0', 'shop-coreapp-1-0', 'Job/shop-schema-'])
    expect(preview.stdout).toContain(pod);
  expect(preview.stdout).toContain('WABA_CLIENT_VERSION');
  await waba('upgrade', 'shop', '--to', 'v2.59.1');
  const upgraded = JSON.parse(await waba('status', 'shop', '-o', 'json')) as {
    status: { phase: string; nodes: { role: string; version?: string }[] };
  };
  expect(upgraded.status.phase).toBe('Ready');
  expect(upgraded.status.nodes.filter(({ role }) => role !== 'Webapp').map(({ version }) => version)).toEqual(
    ['2.59.1', '2.59.1', '2.59.1', '2.59.1'].map((version) => expect.stringContaining(version)),
  );
  expect((await failing('upgrade', 'shop', '--to', 'v2.57.1')).stderr).toContain('schema of v2.59.1');
}

describe('kubectl waba', () => {
  it('completes commands in three shells', async () => {
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await cli('completion', shell)).stdout).toContain('completion-words');
    expect((await cli('completion-words', 'sta')).stdout.split('\n')).toContain('status');
    const script = `source <(node ${resolve('dist/kubectl-waba.js')} completion bash); complete -p kubectl-waba`;
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toContain('-F _kubectl_waba');
  });

  it('prints help, and exits with 2 on wrong usage', async () => {
    for (const args of [[], ['status'], ['verify'], ['backup'], ['quickstart'], ['local'], ['local', 'up']]) {
      expect((await cli(...args, '--help')).stdout).toMatch(/^Usage: kubectl-waba/);
    }
    expect(failure(await cli('sttaus').catch((error: unknown) => error))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean status?'),
    });
  });

  it('takes a new machine to a Ready stack and a message with its webhooks, twice, and removes everything', async () => {
    const first = await cli('quickstart', '--local', '--name', 'test');
    const [id] = /gB\S+/.exec(first.stdout) ?? [];
    expect(first.stdout.split('\n').slice(0, 3)).toEqual(
      ['sent', 'delivered', 'read'].map((status) => `webhook ${status} ${id}`),
    );
    expect(first.stderr).toContain('Registered: done');
    const second = await cli('quickstart', '--local', '--name', 'test');
    expect(second.stdout).toContain('WhatsAppDeployment shop is Ready.');

    const kubeconfig = join(home, 'waba-operator/clusters/test/kubeconfig');
    expect((await cli('status', 'shop', '--kubeconfig', kubeconfig)).stdout).toContain('✔ Registered');
    const [stack] = JSON.parse((await cli('status', '--kubeconfig', kubeconfig, '-o', 'json')).stdout) as {
      status: { registration: object };
    }[];
    expect(stack?.status.registration).toMatchObject({ state: 'Registered' });
    expect(
      failure(await cli('status', 'none', '--kubeconfig', kubeconfig).catch((error: unknown) => error))
        .stderr,
    ).toContain('no WhatsAppDeployment none in namespace default');

    await commandsOfAStack(kubeconfig);
    await changesOfAStack(kubeconfig);

    await cli('quickstart', 'down', '--name', 'test');
    expect(processes()).toEqual([]);
    expect((await cli('local', 'status')).stdout).toContain('no local cluster');
  });

  it('keeps a local cluster after a crash, leaves no orphan, and says what to do when a port is in use', async () => {
    const { kubeconfig, kubectl } = JSON.parse(
      (await cli('local', 'up', '--name', 'crash', '-o', 'json')).stdout,
    ) as { kubeconfig: string; kubectl: string };
    const kube = (...args: string[]) => promisify(execFile)(kubectl, ['--kubeconfig', kubeconfig, ...args]);
    await kube('create', 'configmap', 'kept', '--from-literal=a=b');
    const { process: daemon } = JSON.parse(
      await readFile(join(home, 'waba-operator/clusters/crash/state.json'), 'utf8'),
    ) as { process: { pid: number } };
    process.kill(daemon.pid, 'SIGKILL');
    await eventually(() => processes().length === 0);
    expect((await cli('local', 'status')).stdout).toContain('crash: stopped');
    await cli('local', 'up', '--name', 'crash');
    expect((await kube('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).stdout).toBe('b');
    expect((await cli('local', 'logs', 'etcd', '--name', 'crash')).stdout).not.toBe('');
    await cli('local', 'down', '--name', 'crash');
    expect(processes()).toEqual([]);

    const port = await freePort();
    const taken = createServer().listen(port, '127.0.0.1');
    const { stderr } = failure(
      await cli('local', 'up', '--name', 'taken', '--port', String(port)).catch((error: unknown) => error),
    );
    expect(stderr).toContain(
      `port ${port} on 127.0.0.1 is in use; stop the program that listens there, or choose another port`,
    );
    taken.close();
  });
});

describe('the emulator on a laptop', () => {
  const start = async (...flags: string[]) => {
    const child: ChildProcess = spawn(
      process.execPath,
      [
        resolve('dist/emulator.js'),
        '--json',
        '--control-port',
        '0',
        '--data',
        join(home, 'laptop'),
        ...flags,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const line = await new Promise<string>((done, fail) => {
      child.stdout?.once('data', (chunk: Buffer) => done(chunk.toString()));
      child.once('exit', (code) => fail(new Error(`exited with ${code}`)));
    });
    return {
      child,
      about: JSON.parse(line) as {
        url: string;
        controlUrl: string;
        username: string;
        password: string;
        caFile: string;
      },
    };
  };
  const stop = (child: ChildProcess) =>
    new Promise((done) => {
      child.once('exit', done);
      child.kill('SIGTERM');
    });

  const refusal = (...flags: string[]) =>
    promisify(execFile)(process.execPath, [
      resolve('dist/emulator.js'),
      '--data',
      join(home, 'none'),
      ...flags,
    ]).then(
      () => 'nothing',
      (error: unknown) => failure(error).stderr.trim(),
    );

  it.each([
    [['--webhook', 'notaurl'], '--webhook notaurl is no URL'],
    [['--webhook', 'http://shop.example/'], 'write https:// for shop.example'],
    [['--seed', '/nope'], '--seed /nope: there is no such file'],
    [['--config', '/'], '--config /: that is a folder'],
    [['--webhook-ca', '/nope'], '--webhook-ca /nope: there is no such file'],
    [['--number', 'abc'], 'abc is no phone number: write it with + and the country code'],
    [['--password', 'short'], 'Password must have 8 to 64 characters'],
    [['--version', '2.x'], '2.x is no version of the client: write it like v2.57.1'],
  ])('refuses %j in words', async (flags, words) => {
    const said = await refusal(...flags);
    expect(said).toContain(words);
    expect(said.split('\n')).toHaveLength(1);
  });

  it('ends with npm, however that ends, and names itself to a second start', async () => {
    const data = join(home, 'by-npm');
    const own = () => processes().filter((line) => line.includes(data) && !line.includes('npm run'));
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const flags = ['--json', '--data', data, '--port', String(await freePort()), '--control-port', '0'];
      // The same as the script, without the build, which others need meanwhile.
      const script = {
        scripts: { emulator: `exec ${process.execPath} ${resolve('dist/emulator.js')} laptop` },
      };
      await writeFile(join(home, 'package.json'), JSON.stringify(script));
      const npm = spawn('npm', ['run', '--silent', 'emulator', '--', ...flags], {
        cwd: home,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await new Promise((done) => npm.stdout.once('data', done));
      const [, pid] =
        /^\s*(\d+) .*emulator\.js/.exec(own().find((line) => line.includes('emulator.js')) ?? '') ?? [];
      expect(await refusal('--data', data, '--port', String(await freePort()))).toContain(`kill ${pid}`);
      npm.kill(signal);
      await eventually(() => own().length === 0);
    }
  });

  it('is registered and ready to send when it prints its ready line, and keeps its data between runs', async () => {
    const receiver = await startReceiver();
    const port = String(await freePort());
    const caFile = join(home, 'receiver-ca.pem');
    await promisify(execFile)(process.execPath, [
      '-e',
      `require('node:fs').writeFileSync(process.argv[1], process.argv[2])`,
      caFile,
      receiver.caPem,
    ]);
    const flags = ['--port', port, '--webhook', receiver.url, '--webhook-ca', caFile];
    let running = await start(...flags);
    const { username, password } = running.about;
    const send = async () => {
      const { about } = running;
      const url = new URL(about.url);
      const client = new StackClient(
        new HttpsStackTransport({
          host: url.hostname,
          port: Number(url.port),
          ca: await readFile(about.caFile, 'utf8'),
        }),
      );
      const session = await client.users.login(about.username, about.password, {}, never);
      await fetch(`${about.controlUrl}/numbers/16315551000/messages`, {
        method: 'POST',
        body: JSON.stringify({ from: '16505551234', text: 'Hi' }),
      });
      return client.messages.sendText(session, '16505551234', 'Hello', never);
    };
    const id = await send();
    await eventually(() => receiver.statuses(id).length === 3);
    await stop(running.child);
    running = await start(...flags);
    expect(running.about).toMatchObject({ username, password });
    const again = await send();
    await eventually(() => receiver.statuses(again).includes('read'));
    await stop(running.child);
    await receiver.close();
  });
});
