import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openLink } from '../../../base/openLink.ts';
import { listen } from '../../../base/ports.ts';
import { VirtualClock } from '../../../base/virtualClock.ts';
import type { MediaProvider } from '../../../onprem/profile.ts';
import type { MediaFile, MediaStore } from '../../store/mediaStore.ts';
import { fetchMedia } from './fetchMedia.ts';

const { signal } = new AbortController();
let server: Server;
let port: number;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const asked: { host: string | undefined; authorization: string | undefined }[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    const { host, authorization } = request.headers;
    asked.push({ host, authorization });
    answer(request, response);
  });
  port = await listen(server, { host: '127.0.0.1', port: 0 });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
  answer = (_, response) => response.end('picture');
});

const redirectTo = (location: string) => (_: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(302, { location }).end();

describe('a link', () => {
  it('reaches nothing but the internet unless hosts are listed, whatever way its address is written', async () => {
    for (const link of [
      `http://127.0.0.1:${port}/`,
      `http://localhost:${port}/`,
      `http://2130706433:${port}/`,
      `http://0x7f.1:${port}/`,
      `http://[::1]:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://0.0.0.0:${port}/`,
      'http://169.254.169.254/latest/meta-data',
      'http://10.0.0.1/',
    ])
      await expect(openLink(link, {}, signal)).rejects.toThrow('no public address');
    for (const link of ['ftp://example.org/', 'file:///etc/passwd'])
      await expect(openLink(link, {}, signal)).rejects.toThrow('is not fetched');
    expect(asked).toEqual([]);
  });

  it('reaches listed hosts only, after a redirect too', async () => {
    const hosts = ['localhost', '*.shop.example'];
    const found = await openLink(`http://localhost:${port}/a`, { hosts }, signal);
    expect([found.statusCode, (await found.toArray()).join('')]).toEqual([200, 'picture']);
    for (const location of [`http://127.0.0.1:${port}/`, 'http://shop.example/', 'https://example.org/']) {
      answer = redirectTo(location);
      await expect(openLink(`http://localhost:${port}/a`, { hosts }, signal)).rejects.toThrow(
        'no host that links may name',
      );
    }
    expect(asked).toHaveLength(4);
  });

  it('is redirected a few times, not for ever', async () => {
    answer = redirectTo('/again');
    await expect(openLink(`http://localhost:${port}/`, { hosts: ['*'] }, signal)).rejects.toThrow(
      'more than 5 times',
    );
    expect(asked).toHaveLength(6);
  });

  it('takes credentials to its own host only, and not in clear text to strangers', async () => {
    const authorization = 'Bearer of a provider';
    answer = redirectTo(`http://127.0.0.1:${port}/other`);
    await openLink(`http://localhost:${port}/a`, { authorization, hosts: ['*'] }, signal).catch(() => {});
    expect(asked.slice(0, 2)).toEqual([
      { host: `localhost:${port}`, authorization },
      { host: `127.0.0.1:${port}`, authorization: undefined },
    ]);
    await expect(openLink('http://example.org/', { authorization }, signal)).rejects.toThrow('https only');
  });
});

describe('media of a message', () => {
  const stored: string[] = [];
  const store = {
    find: async () => undefined,
    write: async (content: AsyncIterable<Uint8Array>, type: string): Promise<MediaFile> => {
      for await (const chunk of content) stored.push(Buffer.from(chunk).toString());
      return { id: 'id', type, bytes: 1, sha256: '' };
    },
  } as unknown as MediaStore;
  const sources = (clock: VirtualClock) => ({
    store,
    clock,
    hosts: ['localhost'],
    providers: async (): Promise<readonly MediaProvider[]> => [],
  });
  const image = { image: { link: '' } };
  beforeEach(() => {
    stored.length = 0;
    image.image.link = `http://localhost:${port}/picture.png`;
  });

  it('is downloaded, and its type is what the server says, if a header can hold that', async () => {
    answer = (_, response) => response.setHeader('content-type', 'image/png').end('x');
    expect(await fetchMedia(image, sources(new VirtualClock()), signal)).toMatchObject([
      { type: 'image/png' },
    ]);
    answer = (_, response) => response.setHeader('content-type', 'image/\xe9').end('x');
    await expect(fetchMedia(image, sources(new VirtualClock()), signal)).rejects.toThrow('octet-stream');
  });

  it.each(['before its headers', 'within its body'])(
    'ends with its deadline when a server stops %s',
    async (when) => {
      const clock = new VirtualClock();
      let closed = () => {};
      const isClosed = new Promise<void>((resolve) => {
        closed = resolve;
      });
      const begun = new Promise<void>((resolve) => {
        answer = (request, response) => {
          request.socket.on('close', closed);
          if (when === 'within its body') response.writeHead(200).write('first');
          resolve();
        };
      });
      const fetched = expect(fetchMedia(image, sources(clock), signal)).rejects.toThrow('30 s');
      await begun;
      // What arrived is read.
      await new Promise((resolve) => setTimeout(resolve, 50));
      await clock.advance(29_000);
      await clock.advance(1_000);
      await fetched;
      await isClosed;
    },
  );
});
