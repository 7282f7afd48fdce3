import { execa } from 'execa';

/** Builds dist/ once, before tests that pack what is in it. */
export const setup = async (): Promise<void> => void (await execa('npm', ['run', '--silent', 'build']));
