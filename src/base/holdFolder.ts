import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { CodedError } from './codedError.ts';
import { safeJson } from './safeJson.ts';

const holder = z.object({ pid: z.int(), born: z.string().optional(), what: z.string() });
type Holder = z.output<typeof holder>;

const FILE = 'holder.json';

/**
 * Reserves a folder for this process, until it ends or calls the result. `what` says what the process is.
 * @throws CodedError `InUse`, which names the process that has the folder
 */
export async function holdFolder(folder: string, what: string): Promise<() => Promise<void>> {
  const path = join(folder, FILE);
  const own: Holder = { pid: process.pid, born: await bornAt(process.pid), what };
  for (;;) {
    try {
      await writeFile(path, JSON.stringify(own), { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const { data: other } = holder.safeParse(safeJson(await readFile(path, 'utf8').catch(() => '')));
    if (other && (await lives(other)))
      throw new CodedError(
        'InUse',
        `process ${other.pid} (${other.what}) uses ${folder}; end it with "kill ${other.pid}", or choose another folder`,
      );
    // Left behind by a process that was killed.
    await rm(path, { force: true });
  }
}

async function lives({ pid, born }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process can't be signalled, and lives.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = await bornAt(pid);
  return born === undefined || now === undefined || born === now;
}

/** When a process started, in ticks: another process may have got its id. Undefined where there is no /proc. */
async function bornAt(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name of the program, in brackets, may contain blanks.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
