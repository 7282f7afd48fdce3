import { styleText } from 'node:util';

export interface Step {
  /** Shows the current detail of the step. */
  update(detail: string): void;
  done(detail?: string): void;
  failed(detail?: string): void;
}

/** Shows progress to a person: on a terminal a line that changes, elsewhere plain lines. */
export interface Progress {
  step(title: string): Step;
  note(text: string): void;
}

/** Without a terminal, a long step prints a line this often. */
const PLAIN_INTERVAL_MS = 15_000;
const FRAME_MS = 100;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

const seconds = (since: number): string => `${Math.round((performance.now() - since) / 1000)} s`;

/** Progress on `stream`. It goes to stderr in commands whose stdout is data. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? terminalProgress(stream) : plainProgress(stream);
}

function terminalProgress(stream: NodeJS.WriteStream): Progress {
  const line = (text: string) => stream.write(`\r\x1b[2K${text}`);
  return {
    note: (text) => void line(`${styleText('dim', text)}\n`),
    step(title) {
      const startedAt = performance.now();
      let detail = '';
      let frame = 0;
      const draw = () => {
        const text = `${FRAMES[frame++ % FRAMES.length]} ${title}${detail ? `: ${detail}` : ''} (${seconds(startedAt)})`;
        line(text.slice(0, stream.columns - 1));
      };
      const timer = setInterval(draw, FRAME_MS);
      timer.unref();
      const end = (mark: string, last = '') => {
        clearInterval(timer);
        line(`${mark} ${title}${last ? `: ${last}` : ''} ${styleText('dim', `(${seconds(startedAt)})`)}\n`);
      };
      return {
        update: (next) => {
          detail = next;
        },
        done: (last) => end(styleText('green', '✔'), last),
        failed: (last) => end(styleText('red', '✘'), last),
      };
    },
  };
}

function plainProgress(stream: NodeJS.WriteStream): Progress {
  return {
    note: (text) => void stream.write(`${text}\n`),
    step(title) {
      const startedAt = performance.now();
      let detail = '';
      stream.write(`${title} ...\n`);
      const timer = setInterval(() => {
        stream.write(`${title}: ${detail ? `${detail}, ` : ''}${seconds(startedAt)}\n`);
      }, PLAIN_INTERVAL_MS);
      timer.unref();
      const end = (word: string, last = '') => {
        clearInterval(timer);
        stream.write(`${title}: ${word}${last ? `, ${last}` : ''} (${seconds(startedAt)})\n`);
      };
      return {
        update: (next) => {
          detail = next;
        },
        done: (last) => end('done', last),
        failed: (last) => end('failed', last),
      };
    },
  };
}

/** Prints nothing. */
export const silentProgress: Progress = {
  note: () => {},
  step: () => ({ update: () => {}, done: () => {}, failed: () => {} }),
};
