import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { messagesFile } from '../../tools/generate/protobuf/messagesFile.ts';

// Only where the modules are on this machine: this layer asks nothing of the network.
const published = messagesFile({ ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=mod' });

describe('the table of protobuf messages', () => {
  it.skipIf(published === undefined)('is what the published sources of the Kubernetes API say', () => {
    expect(readFileSync('src/engine/kube/protobuf/messages.ts', 'utf8')).toBe(published);
  });
});
