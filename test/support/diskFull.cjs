// Loaded before a process: while the file WABA_TEST_DISK_FULL exists, writes to files take a part and fail with ENOSPC.
const { existsSync } = require('node:fs');
const { open } = require('node:fs/promises');

/** How long a disk that is full takes to say so. */
const SLOW_MS = 200;
const flag = process.env.WABA_TEST_DISK_FULL;

function noSpace() {
  return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
}

async function patch() {
  const handle = await open(__filename);
  const methods = Object.getPrototypeOf(handle);
  await handle.close();
  const { appendFile, write } = methods;
  methods.appendFile = async function (text, ...more) {
    if (!existsSync(flag)) return appendFile.call(this, text, ...more);
    await appendFile.call(this, text.slice(0, text.length / 2), ...more);
    // A process that is killed now leaves the half behind.
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    throw noSpace();
  };
  methods.write = async function (...args) {
    if (existsSync(flag)) throw noSpace();
    return write.apply(this, args);
  };
}

if (flag) patch();
