import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { messagesFile } from '../../tools/generate/protobuf/messagesFile.ts';

// This layer asks nothing of the network, so it needs modules that are there. In CI nothing may be skipped.
const proxy = process.env.CI ? {} : { GOPROXY: 'off' };
const published = messagesFile({ ...process.env, ...proxy, GOFLAGS: '-mod=mod' });

describe('the table of protobuf messages', () => {
  it.skipIf(published === undefined)('is what the published sources of the Kubernetes API say', () => {
    expect(readFileSync('src/engine/kube/protobuf/messages.ts', 'utf8')).toBe(published);
  });
});
