import { benchEmulator } from './emulator.ts';
import { benchFailover } from './failover.ts';
import { benchMedia } from './media.ts';
import { printTable } from './printTable.ts';

printTable([...(await benchEmulator()), ...(await benchMedia()), ...(await benchFailover())]);
