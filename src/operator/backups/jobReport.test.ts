import { describe, expect, it } from 'vitest';
import { CONTAINERS } from '../../backup/contract/contract.ts';
import type { PodObject } from '../state/podObject.ts';
import { jobReport, workingPod } from './jobReport.ts';

const RESULT = { ok: true, command: 'verify', durationMs: 1, warnings: [], tables: 2, rows: 3 };
const PROGRESS = { object: 'media.tar.age', bytes: 7 };
const pod = (state: object): PodObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'first-verify-1-abc' },
    status: { containerStatuses: [{ name: CONTAINERS.agent, state }] },
  }) as unknown as PodObject;
const ended = (message?: string) => pod({ terminated: { exitCode: 0, ...(message ? { message } : {}) } });

describe('the report of a Job', () => {
  it('is the message of the program, whatever its log says', () => {
    const pods = [ended(JSON.stringify(RESULT))];
    expect(workingPod(pods)).toBeUndefined();
    expect(jobReport(pods, JSON.stringify({ ...RESULT, rows: 9 })).result).toEqual(RESULT);
  });

  it('is the last line of the log where the node passes no message on', () => {
    const pods = [ended()];
    expect(workingPod(pods)).toBe(pods[0]);
    const log = [PROGRESS, RESULT].map((line) => JSON.stringify(line)).join('\n');
    expect(jobReport(pods, `${log}\n`)).toMatchObject({ result: RESULT, progress: PROGRESS });
    expect(jobReport(pods, undefined).result).toBeUndefined();
  });

  it('tells the progress of a pod that runs', () => {
    const pods = [pod({ running: {} })];
    expect(workingPod(pods)).toBe(pods[0]);
    const log = `{"object":"a","bytes":1}\n${JSON.stringify(PROGRESS)}\nnot JSON\n`;
    expect(jobReport(pods, log)).toMatchObject({ result: undefined, progress: PROGRESS });
    expect(jobReport(pods, JSON.stringify(RESULT)).result).toBeUndefined();
  });
});
