import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Every file `<secret>/<key>` below a folder, as JSON with the values in base64: `{"<secret>": {"<key>": "…"}}`, which is
 * the `data` of each Secret.
 */
export async function secretsText(folder: string): Promise<{ text: string; count: number }> {
  const secrets: Record<string, Record<string, string>> = {};
  let count = 0;
  for (const secret of await visible(folder)) {
    const path = join(folder, secret);
    if (!(await stat(path)).isDirectory()) continue;
    const keys: Record<string, string> = {};
    for (const key of await visible(path)) {
      // Mounted Secrets are links; what they lead to is read.
      if ((await stat(join(path, key))).isFile())
        keys[key] = (await readFile(join(path, key))).toString('base64');
    }
    secrets[secret] = keys;
    count++;
  }
  return { text: `${JSON.stringify(secrets, undefined, 2)}\n`, count };
}

/** In a mounted Secret, `..data` and its like hold the same files once more. */
const visible = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => !name.startsWith('..')).sort();
