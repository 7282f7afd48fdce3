import { describe, expect, it } from 'vitest';
import { mariadbProgram } from './machineMariadb.ts';

describe('a machine without MariaDB', () => {
  it('is told which package to install', () => {
    expect(() => mariadbProgram('mariadbd', () => undefined)).toThrow(/apt-get install mariadb-server/);
  });
});
