import { describeError } from './codedError.ts';
import type { LogFields, Logger } from './silentLogger.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line if its level is enabled; only then `fields` is called. */
export type WriteLine = (level: LogLevel, message: string, fields: () => LogFields) => void;

/** A child costs one small object: its fields are merged only into lines that are written. */
export class LineLogger implements Logger {
  readonly #write: WriteLine;
  readonly #fields: LogFields;

  constructor(write: WriteLine, fields: LogFields = {}) {
    this.#write = write;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#line('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#line('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new LineLogger(this.#write, { ...this.#fields, ...fields });
  }

  #line(level: LogLevel, message: string, fields?: LogFields): void {
    this.#write(level, message, () => readable({ ...this.#fields, ...fields }));
  }
}

/** Loggers print an Error inside the fields as `{}`, so errors become text here. */
const readable = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : value,
    ]),
  );

/** One JSON object a line to stderr, from this level on. Loads no library. */
export const jsonLogger = (least: LogLevel = 'info'): Logger =>
  new LineLogger((level, message, fields) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const line = { ...fields(), level, message, timestamp: new Date().toISOString() };
    process.stderr.write(`${JSON.stringify(line)}\n`);
  });
