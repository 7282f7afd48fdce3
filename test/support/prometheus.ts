import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exited } from '../../src/base/childProcess.ts';
import { freePort } from '../../src/base/ports.ts';
import { eventually } from './eventually.ts';

const RULES = 'rules.yml';
const TARGETS = 'targets.json';

/** Replaces the file at once: Prometheus may read it at any time. */
async function writeTarget(folder: string, target: string | undefined): Promise<void> {
  const next = join(folder, `${TARGETS}.next`);
  await writeFile(next, JSON.stringify(target === undefined ? [] : [{ targets: [target] }]));
  await rename(next, join(folder, TARGETS));
}

/** A real Prometheus that scrapes one target, and evaluates rules, every second. */
export class Prometheus {
  readonly #url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.#url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** @param rules content of a rule file */
  static async start(target: string, rules: object = {}): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'waba-prometheus-'));
    const port = await freePort();
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [join(folder, RULES)],
      scrape_configs: [
        {
          job_name: 'waba-operator',
          honor_labels: true,
          file_sd_configs: [{ files: [join(folder, TARGETS)], refresh_interval: '1s' }],
        },
      ],
    };
    await writeFile(join(folder, RULES), JSON.stringify(rules));
    await writeTarget(folder, target);
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, child, folder);
    await eventually(async () => (await prometheus.query('up == 1').catch(() => [])).length === 1, 60_000);
    return prometheus;
  }

  /** Scrapes another target from now on, as after a change of a pod's address; none without one. */
  retarget(target: string | undefined): Promise<void> {
    return writeTarget(this.#folder, target);
  }

  /** The current result of a query. */
  async query(expr: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
    const answer = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const body = (await answer.json()) as {
      status: string;
      error?: string;
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (body.status !== 'success') throw new Error(`${expr}: ${body.error}`);
    return body.data.result;
  }

  /** Alerts that are pending or fire, as a person gets them. */
  async alerts(): Promise<{ labels: Record<string, string>; annotations: Record<string, string> }[]> {
    const answer = await fetch(`${this.#url}/api/v1/alerts`);
    const body = (await answer.json()) as {
      data: { alerts: { labels: Record<string, string>; annotations: Record<string, string> }[] };
    };
    return body.data.alerts;
  }

  async close(): Promise<void> {
    this.#child.kill('SIGTERM');
    await exited(this.#child);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
