import { createLogger as createWinstonLogger, format, transports } from 'winston';
import { describeError } from './codedError.ts';

type LogFields = Readonly<Record<string, unknown>>;

/** Structured logging, as much of it as this project needs. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const isLogLevel = (text: unknown): text is LogLevel => LOG_LEVELS.some((level) => level === text);

/** winston prints an Error inside the fields as `{}`, so errors become text here. */
const readable = (fields: LogFields = {}): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : value,
    ]),
  );

/** Logs to stderr, so that stdout stays free for what a command prints. */
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
  const wrap = (target: typeof winston): Logger => ({
    debug: (message, fields) => void target.debug(message, readable(fields)),
    info: (message, fields) => void target.info(message, readable(fields)),
    warn: (message, fields) => void target.warn(message, readable(fields)),
    error: (message, fields) => void target.error(message, readable(fields)),
    child: (fields) => wrap(target.child(readable(fields))),
  });
  const setLevel = (level: LogLevel) => {
    winston.level = level;
  };
  return { ...wrap(winston), setLevel };
}

/** Drops everything; for tests and embedding. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
