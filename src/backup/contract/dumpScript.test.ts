import { expect, it } from 'vitest';
import { dumpScript, SCRIPT_ENGINES } from './dumpScript.ts';

it.each(SCRIPT_ENGINES)('for %s holds no two dollar signs, which Kubernetes turns into one', (engine) => {
  expect(dumpScript(engine)).not.toContain('$$');
});
