import { describe, expect, it } from 'vitest';
import { answers, runProgram } from './program.ts';

const never = new AbortController().signal;
const node = (script: string) => ['-e', script];

describe('a program that the CLI runs', () => {
  it('gets its input and the environment given, and returns what it prints', async () => {
    const script = 'process.stdin.on("data", (d) => console.log(String(d), process.env.A, process.env.PATH))';
    const out = await runProgram(process.execPath, node(script), { env: { A: '1' }, input: 'hello' }, never);
    expect(out).toBe('hello 1 undefined\n');
  });

  it('hands on each last line while it runs', async () => {
    const lines: string[] = [];
    const script = 'console.error("one"); setTimeout(() => console.log("two"), 50)';
    await runProgram(process.execPath, node(script), { onLine: (line) => lines.push(line) }, never);
    expect(lines).toEqual(['one', 'two']);
  });

  it('that is missing is named, with where to get it', async () => {
    await expect(runProgram('no-such-program', [], {}, never)).rejects.toMatchObject({
      code: 'ProgramMissing',
      message: 'no-such-program is not installed',
    });
    expect(await answers('no-such-program', [], never)).toBe(false);
  });

  it('that fails is told with its code and the end of its stderr', async () => {
    const script = 'console.error("the cause"); process.exit(3)';
    await expect(runProgram(process.execPath, node(script), {}, never)).rejects.toMatchObject({
      code: 'ProgramFailed',
      message: expect.stringMatching(/failed with code 3:\nthe cause$/),
    });
  });

  it('ends when the signal fires, with the reason of the signal', async () => {
    const stop = new AbortController();
    const running = runProgram(process.execPath, node('setInterval(() => {}, 1000)'), {}, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
  });
});
