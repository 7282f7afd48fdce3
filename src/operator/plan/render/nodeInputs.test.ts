import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { POD_FIELDS } from '../../resource/spec.ts';
import { NO_TLS } from '../facts/managedTls.ts';
import { nodeInputs } from './nodeInputs.ts';

const resources = { limits: { memory: '1Gi' } };
const inputs = (nodes: object) =>
  nodeInputs(
    {
      resource: whatsAppDeployment({ spec: { nodes } }),
      release: { stack: 'stack', database: 'database', databaseVersion: '17' },
      databaseTls: NO_TLS,
      secrets: '',
      coreappRestarts: 0,
      webappRestarts: 0,
    },
    'webapp',
  ).spec;

describe('the inputs of pods', () => {
  it('hold every option of a role except its number of pods', () => {
    expect(inputs({ webapp: { replicas: 2, resources } }).nodes).toEqual({ resources });
    expect(inputs({ webapp: { replicas: 2 } }).nodes).toBeUndefined();
    expect(inputs({ coreapp: { resources } }).nodes).toBeUndefined();
  });

  it('name every field that pod templates read, whether set or not', () => {
    const own = ['database', 'media', 'nodes', 'capacity'];
    expect(Object.keys(inputs({}))).toEqual([...POD_FIELDS, ...own]);
  });
});
