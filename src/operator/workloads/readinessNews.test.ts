import { describe, expect, it } from 'vitest';
import { met, unmet } from '../plan/tell/conditions.ts';
import { ReadinessNews } from './readinessNews.ts';

const ready = met('Ready', 'Ready', 'all is well');
const broken = unmet('Ready', 'PodsNotReady', '1 of 2 pods');
const progressing = unmet('Ready', 'Progressing', 'not looked at yet');

describe('news of a stack', () => {
  it('tells once that it is Ready, and once that it is no longer', () => {
    const news = new ReadinessNews();
    expect(news.of('a/b', broken, undefined)).toBeUndefined();
    expect(news.of('a/b', ready, 'False')).toMatchObject({ type: 'Normal', reason: 'Ready' });
    expect(news.of('a/b', ready, 'True')).toBeUndefined();
    expect(news.of('a/b', broken, 'True')).toMatchObject({ type: 'Warning', message: '1 of 2 pods' });
    expect(news.of('a/b', broken, 'False')).toBeUndefined();
  });

  it('does not take an edit for a failure, and tells of one that follows it', () => {
    const news = new ReadinessNews();
    news.of('a/b', ready, undefined);
    expect(news.of('a/b', progressing, 'True')).toBeUndefined();
    expect(news.of('a/b', ready, 'False')).toBeUndefined();
    expect(news.of('a/b', progressing, 'True')).toBeUndefined();
    expect(news.of('a/b', broken, 'False')).toMatchObject({ reason: 'NotReady' });
  });

  it('begins after a restart of the operator with what status says, and forgets who is gone', () => {
    const news = new ReadinessNews();
    expect(news.of('a/b', ready, 'True')).toBeUndefined();
    expect(news.of('a/b', broken, 'True')).toBeDefined();
    news.forget('a/b');
    expect(news.of('a/b', ready, undefined)).toBeDefined();
  });
});
