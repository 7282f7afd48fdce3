import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ALERT_NAMES, ALERTS, type AlertName, runbookUrl } from '../../tools/generate/alerts.ts';
import { CASES, type Case, HELD_CASES, MORE_CASES } from './alertCases.ts';
import { healthyOperator, healthyStack, merged, TROUBLE, withoutOperator } from './stackSeries.ts';

const run = promisify(execFile);
const FOLDER = 'dashboards/alerts';
const folder = mkdtempSync(join(tmpdir(), 'waba-alerts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const minutes = (duration: string): number =>
  Number.parseInt(duration, 10) * (duration.endsWith('h') ? 60 : 1);
/** When every alert of a trouble must fire, and when all of them must be over: the longest window and `for` have passed. */
const ALL_FIRE_MIN = TROUBLE.untilMin - 5;
const ALL_OVER_MIN = TROUBLE.endMin - 1;

/** What promtool must find for every alert at a minute; those that are not named must be silent. */
const checks = (minute: number, fires: Case['fires'], names: readonly AlertName[] = ALERT_NAMES) =>
  names.map((name) => {
    const firing = fires[name];
    return {
      eval_time: `${minute}m`,
      alertname: name,
      exp_alerts: firing
        ? [
            {
              exp_labels: { severity: ALERTS[name].severity, ...firing.labels },
              exp_annotations: { summary: firing.summary, runbook_url: runbookUrl(name) },
            },
          ]
        : [],
    };
  });

/** Runs the rules over the series of a trouble, from before it begins until after its end. */
async function expectFired({ series, isOperatorGone, fires }: Case): Promise<void> {
  const all = merged([healthyOperator, healthyStack('shop'), healthyStack('other'), series]);
  const played = isOperatorGone ? withoutOperator(all) : all;
  const names = ALERT_NAMES.filter((name) => fires[name] !== undefined);
  const test = {
    rule_files: ALERT_NAMES.map((name) => resolve(FOLDER, `${name}.yaml`)),
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(played).flatMap(([name, values]) =>
          values.length > 0 ? [{ series: name, values: values.join(' ') }] : [],
        ),
        alert_rule_test: [
          ...checks(TROUBLE.fromMin - 1, {}),
          // Not before `for` has passed.
          ...names.flatMap((name) => checks(TROUBLE.fromMin + minutes(ALERTS[name].for) - 1, {}, [name])),
          ...checks(ALL_FIRE_MIN, fires),
          ...checks(ALL_OVER_MIN, {}),
        ],
      },
    ],
  };
  const path = join(folder, 'test.json');
  writeFileSync(path, JSON.stringify(test));
  await run('promtool', ['test', 'rules', path]).catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`${error.stdout}${error.stderr}`);
  });
}

describe('alerts', () => {
  it('are the rule files in the folder, each with a runbook', () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
    expect(files.sort()).toEqual(ALERT_NAMES.map((name) => `${name}.yaml`).sort());
    expect(readdirSync('docs/runbooks').sort()).toEqual(ALERT_NAMES.map((name) => `${name}.md`).sort());
  });

  it.each(ALERT_NAMES)('%s fires for its trouble, and alone, and is over with it', async (name) => {
    expect(Object.keys(CASES[name].fires)).toEqual([name]);
    await expectFired(CASES[name]);
  });

  it.each(MORE_CASES.map((each) => [each.trouble, each] as const))(
    'fire once for one cause: %s',
    async (_, each) => {
      const pages = Object.keys(each.fires).filter(
        (name) => ALERTS[name as AlertName].severity === 'critical',
      );
      expect(pages.length).toBeLessThanOrEqual(1);
      await expectFired(each);
    },
  );

  it.each(HELD_CASES.map((each) => [each.trouble, each] as const))('fire for nobody: %s', async (_, each) => {
    await expectFired(each);
  });
});

describe('runbooks', () => {
  const SECTIONS = ['Is it urgent?', 'What to look at', 'What to do', 'Whom to call'];

  it.each(ALERT_NAMES)(
    'of %s say how urgent it is, what to look at, what to do and whom to call',
    async (name) => {
      const text = readFileSync(`docs/runbooks/${name}.md`, 'utf8');
      expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(SECTIONS);
      const [, urgent = ''] = /^## Is it urgent\?\n\n(.+)$/m.exec(text) ?? [];
      expect(urgent).toMatch(ALERTS[name].severity === 'critical' ? /^Yes[.:,]/ : /^No[.:,]/);
      const queries = [...text.matchAll(/^```promql\n([^`]+)```$/gm)].map(([, query = '']) => query.trim());
      expect(queries.length).toBeGreaterThan(0);
      const rules = queries.map((expr, index) => ({ record: `runbook:query_${index}`, expr }));
      const path = join(folder, `${name}.json`);
      writeFileSync(path, JSON.stringify({ groups: [{ name: 'runbook', rules }] }));
      await run('promtool', ['check', 'rules', path]);
    },
  );
});
