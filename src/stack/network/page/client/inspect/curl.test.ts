import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curl } from './curl.ts';

/** The words that a shell makes of a line. */
const words = (line: string): string[] =>
  execFileSync('sh', ['-c', `for word in ${line}; do printf '%s\\0' "$word"; done`], {
    env: { API: 'https://localhost:9090' },
    encoding: 'utf8',
  })
    .split('\0')
    .slice(0, -1);

describe('a call as a curl line', () => {
  it.each(["it's", '$(touch /tmp/x) `id`', '"quoted" \\ \n!'])(
    'gives the shell the body %j as it is',
    (text) => {
      const line = curl({ method: 'POST', url: 'https://hook.example/a?b=1', body: { text } });
      expect(words(line)).toEqual([
        'curl',
        '-X',
        'POST',
        'https://hook.example/a?b=1',
        '-H',
        'content-type: application/json',
        '--data-raw',
        JSON.stringify({ text }),
      ]);
    },
  );

  it('runs nothing that stands in a URL', () => {
    expect(words(curl({ method: 'GET', url: 'https://x/$(id)`id`;id' }))).toEqual([
      'curl',
      'https://x/$(id)`id`;id',
    ]);
  });

  it('takes the API from a variable, and nothing else', () => {
    expect(words(curl({ method: 'GET', url: '$API/v1/$HOME?a=(b)' }))).toEqual([
      'curl',
      'https://localhost:9090/v1/$HOME?a=(b)',
    ]);
  });
});
