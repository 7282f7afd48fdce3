import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type DashboardFile, filled, metricsIn, typedInto } from '../support/promQl.ts';

const folder = mkdtempSync(join(tmpdir(), 'waba-dashboards-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const names = readdirSync('dashboards').filter((file) => file.endsWith('.json'));
const texts = new Map(names.map((name) => [name, readFileSync(`dashboards/${name}`, 'utf8')]));
const files = new Map([...texts].map(([name, text]) => [name, JSON.parse(text) as DashboardFile]));
const VARIABLES = {
  namespace: 'default',
  stack: 'shop',
  __rate_interval: '1m',
  __range: '1h',
};

describe.each([...files])('the dashboard %s', (name, file) => {
  const { panels } = file;
  const variables = { ...VARIABLES, ...typedInto(file) };

  it('numbers its panels, and places none over another', () => {
    const shown = panels.filter(({ type }) => type !== 'row');
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x},${y}`), `${title} at ${x},${y}`).toBeUndefined();
          expect(x).toBeLessThan(24);
          taken.set(`${x},${y}`, title);
        }
    expect(shown.length).toBeGreaterThan(10);
  });

  it('describes each panel, and names its queries apart', () => {
    for (const { title, description = '', targets = [], type } of panels) {
      if (type === 'row') continue;
      expect(description, title).toMatch(/^[A-Z0-9].{9,}[^.]$/);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      expect(targets.length, title).toBeGreaterThan(0);
    }
  });

  it('gives each panel that shows a condition or what is left of something its colours', () => {
    for (const { title, targets = [], fieldConfig, type } of panels) {
      const isState = targets.some(({ expr }) => /waba_stack_condition\{|_expiry_|_held|_working/.test(expr));
      if (!isState || type !== 'stat' || title === 'Held by a person') continue;
      const { mappings, thresholds } = fieldConfig?.defaults ?? {};
      expect(mappings ?? thresholds, title).toBeDefined();
    }
  });

  it('has queries that Prometheus can parse', async () => {
    const rules = panels.flatMap(({ targets = [] }) =>
      targets.map(({ expr }, index) => ({ record: `panel:query_${index}`, expr: filled(expr, variables) })),
    );
    const path = join(folder, name);
    // As groups of their own: rules with one name in one group are duplicates.
    writeFileSync(
      path,
      JSON.stringify({ groups: rules.map((rule, index) => ({ name: `${index}`, rules: [rule] })) }),
    );
    await promisify(execFile)('promtool', ['check', 'rules', path]);
  });

  it('links to dashboards and documents that exist', () => {
    const urls = [...(texts.get(name) ?? '').matchAll(/"url": "([^"]+)"/g)].map(([, url = '']) => url);
    const uids = [...files.values()].map(({ uid }) => uid);
    for (const url of urls) {
      const [, uid] = /^\/d\/([^?]+)\?/.exec(url) ?? [];
      const [, path = ''] = /\/blob\/main\/(.+)$/.exec(url) ?? [];
      if (uid !== undefined) expect(uids).toContain(uid);
      else expect(readdirSync(path.replace(/\/[^/]*$/, '')).length, url).toBeGreaterThan(0);
    }
  });
});

it('the metrics of a query are found between functions, labels and clauses', () => {
  const query =
    'topk(10, sum by (le) (rate(a_bucket{x="b_c"}[5m]))) / on (d) group_left (e) time() - max by(f) (g:h) > 5e3 unless on () i # j';
  expect(metricsIn(query)).toEqual(['a_bucket', 'g:h', 'i']);
});
