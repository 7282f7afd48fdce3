import { describe, expect, it } from 'vitest';
import type { PodObject } from '../state/podObject.ts';
import { jobReport } from './jobReport.ts';

const result = (restored: number) =>
  JSON.stringify({
    ok: true,
    command: 'restore-media',
    durationMs: 1,
    warnings: [],
    media: { restored, kept: 0 },
  });
const pod = (state: object): PodObject =>
  ({
    metadata: { name: 'shop-restore-media-x', namespace: 'default' },
    status: { containerStatuses: [{ name: 'agent', state }] },
  }) as unknown as PodObject;
const log = `{"object":"media.tar.age","bytes":9}\n${result(2)}\n`;

describe('the report of a Job', () => {
  it('has the result of the termination message', () => {
    const report = jobReport([pod({ terminated: { exitCode: 0, message: result(1) } })], log);
    expect(report.result).toMatchObject({ media: { restored: 1 } });
    expect(report.progress).toEqual({ object: 'media.tar.age', bytes: 9 });
  });

  it('has that of the log if no message was left, once the container has ended', () => {
    const ended = jobReport([pod({ terminated: { exitCode: 0 } })], log);
    expect(ended.result).toMatchObject({ media: { restored: 2 } });
    expect(jobReport([pod({ running: {} })], log).result).toBeUndefined();
  });
});
