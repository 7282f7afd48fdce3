import { createLogger as createWinstonLogger, format, transports } from 'winston';
import { LineLogger, LOG_LEVELS, type LogLevel, type WriteLine } from './lineLogger.ts';
import type { Logger } from './silentLogger.ts';

export { LOG_LEVELS, type LogLevel } from './lineLogger.ts';
export { type Logger, silentLogger } from './silentLogger.ts';

export const isLogLevel = (text: unknown): text is LogLevel => LOG_LEVELS.some((level) => level === text);

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
  const write: WriteLine = (level, message, fields) => {
    if (winston.isLevelEnabled(level)) winston.log(level, message, fields());
  };
  const setLevel = (level: LogLevel) => {
    winston.level = level;
  };
  return Object.assign(new LineLogger(write, {}), { setLevel });
}
