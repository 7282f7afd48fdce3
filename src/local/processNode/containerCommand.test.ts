import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ContainerContext, containerCommand, expand, relocate } from './containerCommand.ts';
import type { Container, Pod } from './podTypes.ts';

const root = mkdtempSync(join(tmpdir(), 'waba-image-'));
mkdirSync(join(root, 'opt/bin'), { recursive: true });
writeFileSync(join(root, 'opt/bin/launch.sh'), '');
afterAll(() => rmSync(root, { recursive: true }));

const context: ContainerContext = {
  pod: {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-0', namespace: 'shop', uid: 'u' },
    spec: { containers: [] },
  } as Pod,
  podIP: '127.97.0.2',
  hostIP: '127.0.0.1',
  secrets: new Map([['db', { password: 's3cret' }]]),
  configMaps: new Map([['settings', { COLOUR: 'red' }]]),
  mounts: new Map([
    ['/usr/local/wamedia', '/data/media'],
    ['/usr/local/wamedia/incoming', '/data/incoming'],
  ]),
  images: { 'waba-stack': { root, entrypoint: ['/opt/bin/launch.sh'], env: { FROM_IMAGE: '1' } } },
  baseEnv: { PATH: '/bin' },
};
const run = (container: Partial<Container>) =>
  containerCommand({ name: 'main', image: 'registry.example/team/waba-stack:1.0', ...container }, context);

describe('the command of a container', () => {
  it('comes from the image where the container names none, and lies where the image is', () => {
    expect(run({}).argv).toEqual([join(root, 'opt/bin/launch.sh')]);
    expect(run({ command: ['/bin/sh'], args: ['-c', 'true'] }).argv).toEqual(['/bin/sh', '-c', 'true']);
  });

  it('gets variables from values, Secrets, ConfigMaps and fields, in which earlier ones expand', () => {
    const { env, argv } = run({
      envFrom: [{ configMapRef: { name: 'settings' } }],
      env: [
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
        { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'URL', value: 'tcp://$(ADDRESS):$(UNKNOWN)/$$(ADDRESS)' },
      ],
      command: ['run', '$(COLOUR)'],
    });
    expect(env).toMatchObject({
      FROM_IMAGE: '1',
      COLOUR: 'red',
      PASSWORD: 's3cret',
      URL: 'tcp://127.97.0.2:$(UNKNOWN)/$(ADDRESS)',
    });
    expect(argv).toEqual(['run', 'red']);
  });

  it('waits for a Secret that is missing, unless it is optional', () => {
    const reference = { name: 'later', key: 'x' };
    expect(() => run({ env: [{ name: 'X', valueFrom: { secretKeyRef: reference } }] })).toThrow(
      'key x of secret "later" not found',
    );
    expect(
      run({ env: [{ name: 'X', valueFrom: { secretKeyRef: { ...reference, optional: true } } }] }).env.X,
    ).toBeUndefined();
  });

  it('names an image that nothing stands for', () => {
    expect(() => run({ image: 'nginx:1' })).toThrow(
      'the process node has no programs for image nginx:1; it has them for waba-stack',
    );
  });

  it('has mount paths rewritten in arguments and variables, the longest first, and nothing that only looks alike', () => {
    expect(relocate('--dir=/usr/local/wamedia/incoming/a', context.mounts)).toBe('--dir=/data/incoming/a');
    expect(relocate('/usr/local/wamedia:/usr/local/wamedia2', context.mounts)).toBe(
      '/data/media:/usr/local/wamedia2',
    );
    expect(run({ env: [{ name: 'MEDIA', value: '/usr/local/wamedia/x' }] }).env.MEDIA).toBe('/data/media/x');
  });

  it.each([
    ['$(A)', '1'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$$$$(A)', '$$(A)'],
    ['kill $$; echo $1', 'kill $; echo $1'],
    ['$(A', '$(A'],
    ['$(A$$', '$(A$'],
    ['$(B) $() $(toString)', '$(B) $() $(toString)'],
    ['cost: 5$', 'cost: 5$'],
    ['$(E)|', '|'],
  ])('has %s expanded to %s, as by the kubelet', (text, expanded) => {
    expect(expand(text, { A: '1', E: '' })).toBe(expanded);
  });

  it('keeps the dollar signs of Secrets and of the image, and expands by nothing that the container does not declare', () => {
    const { env, argv } = containerCommand(
      {
        name: 'main',
        image: 'stack',
        envFrom: [{ secretRef: { name: 'db' } }],
        env: [
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
          { name: 'LOGIN', value: 'waba:$(PASSWORD)' },
        ],
        args: ['$(LOGIN)', '$(PATH)$(FROM_IMAGE)'],
      },
      {
        ...context,
        secrets: new Map([['db', { password: 'a$$b$(ADDRESS)' }]]),
        images: { stack: { entrypoint: ['run$$'], env: { FROM_IMAGE: '1' } } },
      },
    );
    expect(env).toMatchObject({
      password: 'a$$b$(ADDRESS)',
      PASSWORD: 'a$$b$(ADDRESS)',
      LOGIN: 'waba:a$$b$(ADDRESS)',
    });
    expect(argv).toEqual(['run$$', 'waba:a$$b$(ADDRESS)', '$(PATH)$(FROM_IMAGE)']);
  });

  it('has the command of a probe expanded by literal values only', () => {
    const { enter } = run({
      env: [
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
        { name: 'URL', value: 'tcp://$(HOST)' },
      ],
    });
    expect(enter(['ask', '$(URL)', '$(PASSWORD)', '$(OTHER)', 'kill $$'])).toEqual([
      'ask',
      'tcp://$(HOST)',
      '',
      '$(OTHER)',
      'kill $',
    ]);
  });
});
