import { describe, expect, it } from 'vitest';
import { met, unmet } from '../plan/tell/conditions.ts';
import { ReadinessNews } from './readinessNews.ts';

const ready = met('Ready', 'Ready', 'all is well');
const broken = unmet('Ready', 'PodsNotReady', '1 of 2 pods');
const progressing = unmet('Ready', 'Progressing', 'not looked at yet');

describe('readiness events of a stack', () => {
  it('are recorded once when it becomes Ready, and once when it no longer is', () => {
    const news = new ReadinessNews();
    expect(news.of('a/b', broken, undefined)).toBeUndefined();
    expect(news.of('a/b', ready, 'False')).toMatchObject({ type: 'Normal', reason: 'Ready' });
    expect(news.of('a/b', ready, 'True')).toBeUndefined();
    expect(news.of('a/b', broken, 'True')).toMatchObject({ type: 'Warning', message: '1 of 2 pods' });
    expect(news.of('a/b', broken, 'False')).toBeUndefined();
  });

  it('do not report an edit as a failure, but report a failure after an edit', () => {
    const news = new ReadinessNews();
    news.of('a/b', ready, undefined);
    expect(news.of('a/b', progressing, 'True')).toBeUndefined();
    expect(news.of('a/b', ready, 'False')).toBeUndefined();
    expect(news.of('a/b', progressing, 'True')).toBeUndefined();
    expect(news.of('a/b', broken, 'False')).toMatchObject({ reason: 'NotReady' });
  });

  it('start from the status after an operator restart, and are forgotten with the stack', () => {
    const news = new ReadinessNews();
    expect(news.of('a/b', ready, 'True')).toBeUndefined();
    expect(news.of('a/b', broken, 'True')).toBeDefined();
    news.forget('a/b');
    expect(news.of('a/b', ready, undefined)).toBeDefined();
  });
});
