import { describe, expect, it } from 'vitest';
import { met, unmet, type Verdict, waitingFor } from '../plan/tell/conditions.ts';
import { CauseNews } from './causeNews.ts';

const ready = met('Ready', 'Ready', 'all is well');
const broken = unmet('Ready', 'PodsNotReady', '1 of 2 pods');
const progressing = unmet('Ready', 'Progressing', 'not looked at yet');
const image = unmet('WorkloadsReady', 'ImagePullFailed', 'Pod shop-webapp-1: not found');
const memory = unmet('WorkloadsReady', 'OOMKilled', 'Pod shop-webapp-1: too much memory');

const reasonsOf = (news: CauseNews, now: readonly Verdict[], before: readonly Verdict[] = []) =>
  news.of('a/b', now, before).map(({ reason }) => reason);

describe('events of a stack', () => {
  it('are recorded once when it becomes Ready, and once when it no longer is', () => {
    const news = new CauseNews();
    expect(reasonsOf(news, [broken])).toEqual([]);
    expect(reasonsOf(news, [ready])).toEqual(['Ready']);
    expect(reasonsOf(news, [ready])).toEqual([]);
    expect(news.of('a/b', [broken], [])).toMatchObject([{ type: 'Warning', message: '1 of 2 pods' }]);
    expect(reasonsOf(news, [broken])).toEqual([]);
  });

  it('do not report an edit as a failure, but report a failure after an edit', () => {
    const news = new CauseNews();
    news.of('a/b', [ready], []);
    expect(reasonsOf(news, [progressing])).toEqual([]);
    expect(reasonsOf(news, [ready])).toEqual([]);
    expect(reasonsOf(news, [progressing])).toEqual([]);
    expect(reasonsOf(news, [broken])).toEqual(['NotReady']);
  });

  it('start from the status after an operator restart, and are forgotten with the stack', () => {
    const news = new CauseNews();
    expect(reasonsOf(news, [ready], [ready])).toEqual([]);
    const lost = unmet('Ready', 'ImagePullFailed', 'WorkloadsReady: Pod shop-webapp-1: not found');
    expect(reasonsOf(news, [lost, image], [ready])).toEqual(['NotReady']);
    news.forget('a/b');
    expect(reasonsOf(news, [broken, image], [broken, image])).toEqual([]);
  });

  it('tell each new cause of a stack that never was Ready, and the same cause again once it was mended', () => {
    const news = new CauseNews();
    expect(news.of('a/b', [broken, image], [])).toEqual([
      { type: 'Warning', reason: 'ImagePullFailed', message: 'WorkloadsReady: Pod shop-webapp-1: not found' },
    ]);
    expect(reasonsOf(news, [broken, image])).toEqual([]);
    expect(reasonsOf(news, [broken, memory])).toEqual(['OOMKilled']);
    expect(reasonsOf(news, [broken, waitingFor('WorkloadsReady', 'DatabaseReady')])).toEqual([]);
    expect(reasonsOf(news, [broken, memory])).toEqual([]);
    expect(reasonsOf(news, [broken, met('WorkloadsReady', 'Ready', 'all pods are ready')])).toEqual([]);
    expect(reasonsOf(news, [broken, memory])).toEqual(['OOMKilled']);
  });

  it('tell a cause once that keeps two conditions from being True', () => {
    const cause = [
      unmet('DatabaseReady', 'DatabaseLoginRefused', 'first'),
      unmet('SchemaReady', 'DatabaseLoginRefused', 'second'),
    ];
    expect(new CauseNews().of('a/b', [broken, ...cause], [])).toMatchObject([
      { message: 'DatabaseReady: first' },
    ]);
  });

  it('tell no stage of a normal start', () => {
    const news = new CauseNews();
    const stages = [
      unmet('DatabaseReady', 'Creating', ''),
      unmet('DatabaseReady', 'Starting', ''),
      unmet('SchemaReady', 'Upgrading', ''),
      unmet('WorkloadsReady', 'PodsNotReady', ''),
      unmet('ApiReachable', 'NoWebapp', ''),
      unmet('ShardsServed', 'NotRegistered', ''),
    ];
    for (const stage of stages) expect(reasonsOf(news, [stage])).toEqual([]);
  });
});
