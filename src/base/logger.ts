import { createLogger as createWinstonLogger, format, transports } from 'winston';
import { describeError } from './codedError.ts';
import type { LogFields, Logger } from './silentLogger.ts';

export { type Logger, silentLogger } from './silentLogger.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const isLogLevel = (text: unknown): text is LogLevel => LOG_LEVELS.some((level) => level === text);

/** Writes one line if its level is enabled. */
type WriteLine = (level: LogLevel, message: string, fields: LogFields, own?: LogFields) => void;

/** A child costs one small object: its fields are merged only into lines that are written. */
class LineLogger implements Logger {
  readonly #write: WriteLine;
  readonly #fields: LogFields;

  constructor(write: WriteLine, fields: LogFields) {
    this.#write = write;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, this.#fields, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, this.#fields, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, this.#fields, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, this.#fields, fields);
  }

  child(fields: LogFields): Logger {
    return new LineLogger(this.#write, { ...this.#fields, ...fields });
  }
}

/** winston prints an Error inside the fields as `{}`, so errors become text here. */
const readable = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : value,
    ]),
  );

/** Logs to stderr, so that stdout carries only the output of a command. */
export function createLogger(options: {
  level: LogLevel;
  format: 'json' | 'pretty';
}): Logger & { setLevel(level: LogLevel): void } {
  const pretty = format.printf(({ timestamp, level, message, ...fields }) => {
    const rest = Object.entries(fields).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    return [timestamp, level.toUpperCase().padEnd(5), message, ...rest].join(' ');
  });
  const winston = createWinstonLogger({
    level: options.level,
    format: format.combine(format.timestamp(), options.format === 'json' ? format.json() : pretty),
    transports: [new transports.Console({ stderrLevels: [...LOG_LEVELS] })],
  });
  const write: WriteLine = (level, message, fields, own) => {
    if (winston.isLevelEnabled(level)) winston.log(level, message, readable({ ...fields, ...own }));
  };
  const setLevel = (level: LogLevel) => {
    winston.level = level;
  };
  return Object.assign(new LineLogger(write, {}), { setLevel });
}
