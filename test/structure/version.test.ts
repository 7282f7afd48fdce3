import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/base/version.ts';
import { CONDITION_TYPES } from '../../src/operator/resource/conditions.ts';

const read = (path: string) => readFileSync(path, 'utf8');

describe('the version', () => {
  it('is the same in the package, the code and the installation files', () => {
    expect(JSON.parse(read('package.json')).version).toBe(VERSION);
    const images = [...read('deploy/install.yaml').matchAll(/(waba-operator|waba-stack):(\S+)/g)].map(
      ([, , tag]) => tag,
    );
    expect(images).toEqual([VERSION, VERSION]);
    const chart = read('charts/waba-operator/Chart.yaml');
    expect([...chart.matchAll(/^(?:version|appVersion): (\S+)$/gm)].map(([, version]) => version)).toEqual([
      VERSION,
      VERSION,
    ]);
  });
});

describe('the versions of Go programs', () => {
  it('are the same in the advice of the CLI and in the set-up of the tests', () => {
    const pinned = read('scripts/tools.mjs');
    const advised = [...read('src/cli/program.ts').matchAll(/go install ([^\s']+)/g)].map(
      ([, program]) => program,
    );
    expect(advised).not.toEqual([]);
    expect(advised.filter((program) => !pinned.includes(`'${program}'`))).toEqual([]);
  });
});

describe('the conditions', () => {
  it('are named once each', () => {
    expect(new Set(CONDITION_TYPES).size).toBe(CONDITION_TYPES.length);
  });
});
