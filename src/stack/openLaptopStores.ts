import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaptopStores, LaptopStoresOptions } from './laptopStores.ts';
import { openMemoryStores } from './store/memory/memoryStores.ts';

/** Opens the stores of an emulator, ready for this version of the client. @throws CodedError `SchemaTooNew` */
export async function openLaptopStores(
  options: LaptopStoresOptions,
  signal: AbortSignal,
): Promise<LaptopStores> {
  const { database, dataFolder, clock, time, logger, upgrader } = options;
  if (database !== 'memory') {
    // Drivers of databases take as long to load as everything else.
    const { openServerStores } = await import('./laptopServerStores.ts');
    return openServerStores({ ...options, database }, signal);
  }
  const memory = await openMemoryStores({ folder: dataFolder, clock, time, logger });
  try {
    await memory.upgrade(upgrader);
    const { open, stores, close } = memory;
    return { open, stores, content: memory, close };
  } catch (error) {
    await memory.close();
    throw error;
  }
}

/** The folder of an emulator: the one that is given, or one that ends with it. */
export async function laptopFolder(
  dataFolder: string | undefined,
): Promise<{ folder: string; remove: () => Promise<void> }> {
  if (dataFolder !== undefined) return { folder: dataFolder, remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'waba-emulator-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
