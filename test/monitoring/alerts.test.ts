import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';

const FOLDER = 'dashboards/alerts';
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.replace('.yaml', ''));

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      alert: string;
      labels: { severity: string };
      annotations: Record<string, string>;
    }[];
  }[];
}
interface Tests {
  readonly tests: readonly {
    alert_rule_test: readonly { alertname: string; exp_alerts: readonly unknown[] }[];
  }[];
}
const read = <T>(path: string): T => load(readFileSync(path, 'utf8')) as T;

describe('alerts', () => {
  it('are eleven, one in each file, with a severity and a runbook', () => {
    expect(names).toHaveLength(11);
    for (const name of names) {
      const [rule, ...more] = read<Rules>(`${FOLDER}/${name}.yaml`).groups.flatMap(({ rules }) => rules);
      expect([rule?.alert, more.length]).toEqual([name, 0]);
      expect(['warning', 'critical']).toContain(rule?.labels.severity);
      expect(rule?.annotations.runbook_url).toMatch(new RegExp(`/docs/runbooks/${name}\\.md$`));
      expect(readFileSync(`docs/runbooks/${name}.md`, 'utf8')).toContain('## What to do');
    }
  });

  it.each(names)('%s does not fire for a healthy stack, and fires on its problem', async (name) => {
    const test = `${FOLDER}/tests/${name}.yaml`;
    const cases = read<Tests>(test).tests.flatMap(({ alert_rule_test: rules }) => rules);
    expect(cases.map(({ alertname, exp_alerts: alerts }) => [alertname, alerts.length])).toEqual([
      [name, 0],
      [name, 1],
    ]);
    await promisify(execFile)('promtool', ['test', 'rules', test]);
  });
});
