import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';

export interface PackedPackage {
  /** Below the folder that it was packed into. */
  readonly filename: string;
  /** Bytes of the files that npm unpacks. */
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs the package in a folder of this checkout as npm would publish it. @param into folder of the archive */
export async function packPackage(path: string, into: string): Promise<PackedPackage> {
  const options = ['--json', '--ignore-scripts', '--pack-destination', into];
  // From the other folder: npm would take the workspace of this checkout for what is meant.
  const { stdout } = await execa('npm', ['pack', resolve(path), ...options], { cwd: into });
  const [packed] = Object.values(JSON.parse(stdout)) as [PackedPackage];
  return packed;
}

/** Installs packages that `packPackage` put into `folder` there, as a stranger does in an empty folder, without a network. */
export async function installPacked(folder: string, packed: readonly PackedPackage[]): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"name":"empty","private":true,"type":"module"}');
  const options = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional'];
  const archives = packed.map(({ filename }) => join(folder, filename));
  await execa('npm', ['install', ...options, ...archives], { cwd: folder });
}
