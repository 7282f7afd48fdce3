import { describe, expect, it } from 'vitest';
import { redact } from './supportBundle.ts';

const metadata = { name: 'shop', namespace: 'default' };

describe('a support bundle', () => {
  it('has the keys of a Secret, but neither its content nor the copy in the annotation of kubectl', () => {
    const redacted = redact({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        ...metadata,
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'planted', note: 'kept' },
      },
      data: { password: 'planted' },
      stringData: { token: 'planted' },
    });
    expect(JSON.stringify(redacted)).not.toContain('planted');
    expect(redacted).toMatchObject({
      metadata: { annotations: { note: 'kept' } },
      data: { password: '(removed)' },
      stringData: { token: '(removed)' },
    });
  });

  it('hides values of variables that are named like a secret, and keeps the others', () => {
    const env = [
      { name: 'MY_PASSWORD', value: 'planted' },
      { name: 'API_TOKEN', value: 'planted' },
      { name: 'LANG', value: 'C' },
      { name: 'WA_DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'shop', key: 'password' } } },
    ];
    const redacted = redact({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { containers: [{ name: 'webapp', env }] },
    });
    expect(JSON.stringify(redacted)).not.toContain('planted');
    expect(redacted.spec).toMatchObject({
      containers: [{ name: 'webapp', env: [{}, {}, { name: 'LANG', value: 'C' }, env[3]] }],
    });
  });
});
