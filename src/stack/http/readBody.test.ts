import { describe, expect, it } from 'vitest';
import { BodyBudget, TooManyBodies } from './bodyBudget.ts';
import { BodyCutShort, BodyTooLarge, readBody as readShared } from './readBody.ts';

const readBody = (request: Request, largestBytes: number) =>
  readShared(request, largestBytes, new BodyBudget().share());

const request = (body: ReadableStream | string, headers: Record<string, string> = {}) =>
  new Request('http://localhost/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit);

describe('a body', () => {
  it('is read to its end', async () => {
    expect((await readBody(request('abc'), 3)).toString()).toBe('abc');
    expect((await readBody(new Request('http://localhost/'), 3)).length).toBe(0);
  });

  it('that says its length is read to its end, and kept to its limit', async () => {
    const short = (text: string, length = text.length) => request(text, { 'content-length': String(length) });
    expect((await readBody(short('abc'), 3)).toString()).toBe('abc');
    await expect(readBody(short('abcd'), 3)).rejects.toBeInstanceOf(BodyTooLarge);
    const cut = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) });
    await expect(readBody(request(cut, { 'content-length': '5' }), 10)).rejects.toBeInstanceOf(BodyCutShort);
  });

  it('without an end is kept to its limit, and read a little further', async () => {
    let made = 0;
    let isCancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => {
        made += 1;
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
      cancel: () => {
        isCancelled = true;
      },
    });
    await expect(readBody(request(endless), 10_000)).rejects.toBeInstanceOf(BodyTooLarge);
    expect(made).toBeLessThan(20);
    expect(isCancelled).toBe(true);
  });

  it('that announces too much is not read at all', async () => {
    let made = 0;
    const body = new ReadableStream({ pull: () => void made++ }, { highWaterMark: 0 });
    await expect(
      readBody(request(body, { 'content-length': String(17 * 1024 * 1024) }), 10),
    ).rejects.toBeInstanceOf(BodyTooLarge);
    expect(made).toBe(0);
  });

  it('that is a little too long is read to its end, so that the client reads its answer', async () => {
    const long = request('x'.repeat(11));
    await expect(readBody(long, 10)).rejects.toBeInstanceOf(BodyTooLarge);
    expect(long.bodyUsed).toBe(true);
  });

  it('that is too much beside others is read to its end, and holds nothing', async () => {
    const budget = new BodyBudget(0);
    const share = budget.share();
    const large = request('x'.repeat(20_000));
    await expect(readShared(large, 30_000, share)).rejects.toBeInstanceOf(TooManyBodies);
    expect(large.bodyUsed).toBe(true);
    expect((await readShared(request('x'.repeat(16_000)), 30_000, budget.share())).length).toBe(16_000);
  });

  it('of a client that went away is told apart from our own failures', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) });
    await expect(readBody(request(body), 10)).rejects.toBeInstanceOf(BodyCutShort);
  });
});
