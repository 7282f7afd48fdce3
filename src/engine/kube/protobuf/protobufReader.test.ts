import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAnswer, encodeEvent, encodeList } from '../../../../test/support/protobufEncoder.ts';
import { type KubeObject, kinds } from '../kubeObject.ts';
import { parseWatchEvent } from '../watchEvent.ts';
import { ProtobufReader, type ReaderOptions } from './protobufReader.ts';

/** An event of a kube-apiserver 1.34, and what the same server answered as JSON. */
const RECORDED = {
  frame:
    'CgVBRERFRBK6BQq3BWs4cwAKDQoCdjESB1NlcnZpY2USnQUK+wMKA3dlYhIAGgViZW5jaCIAKiQzNmZmYzk1My0xMTY0LTRhMWMtOWQyZS04OTUyMzY1ZjVhYzAyBTEwMzE4OABCCAjNv6rYBhAAWgoKA2FwcBIDd2ViigGiAwoGc2FtcGxlEgZVcGRhdGUaAnYxIggIzb+q2AYQADIIRmllbGRzVjE69QIK8gJ7ImY6bWV0YWRhdGEiOnsiZjpsYWJlbHMiOnsiLiI6e30sImY6YXBwIjp7fX19LCJmOnNwZWMiOnsiZjppbnRlcm5hbFRyYWZmaWNQb2xpY3kiOnt9LCJmOnBvcnRzIjp7Ii4iOnt9LCJrOntcInBvcnRcIjo4MCxcInByb3RvY29sXCI6XCJUQ1BcIn0iOnsiLiI6e30sImY6bmFtZSI6e30sImY6cG9ydCI6e30sImY6cHJvdG9jb2wiOnt9LCJmOnRhcmdldFBvcnQiOnt9fSwiazp7XCJwb3J0XCI6NDQzLFwicHJvdG9jb2xcIjpcIlRDUFwifSI6eyIuIjp7fSwiZjpuYW1lIjp7fSwiZjpwb3J0Ijp7fSwiZjpwcm90b2NvbCI6e30sImY6dGFyZ2V0UG9ydCI6e319fSwiZjpzZWxlY3RvciI6e30sImY6c2Vzc2lvbkFmZmluaXR5Ijp7fSwiZjp0eXBlIjp7fX19QgASmAEKGwoEaHR0cBIDVENQGFAiCggBEAAaBGh0dHAoAAoYCgN0bHMSA1RDUBi7AyIHCAAQuwMaACgAEgoKA2FwcBIDd2ViGgsxMjcuOTYuMjguNSIJQ2x1c3RlcklQOgROb25lQgBSAFoAYABoAIoBC1NpbmdsZVN0YWNrkgELMTI3Ljk2LjI4LjWaAQRJUHY0sgEHQ2x1c3RlchoCCgAaACIA',
  json: {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: {
      name: 'web',
      namespace: 'bench',
      uid: '36ffc953-1164-4a1c-9d2e-8952365f5ac0',
      resourceVersion: '10318',
      creationTimestamp: '2026-11-28T09:33:01Z',
      labels: { app: 'web' },
      managedFields: [
        {
          manager: 'sample',
          operation: 'Update',
          apiVersion: 'v1',
          time: '2026-11-28T09:33:01Z',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
            'f:spec': {
              'f:internalTrafficPolicy': {},
              'f:ports': {
                '.': {},
                'k:{"port":80,"protocol":"TCP"}': {
                  '.': {},
                  'f:name': {},
                  'f:port': {},
                  'f:protocol': {},
                  'f:targetPort': {},
                },
                'k:{"port":443,"protocol":"TCP"}': {
                  '.': {},
                  'f:name': {},
                  'f:port': {},
                  'f:protocol': {},
                  'f:targetPort': {},
                },
              },
              'f:selector': {},
              'f:sessionAffinity': {},
              'f:type': {},
            },
          },
        },
      ],
    },
    spec: {
      ports: [
        { name: 'http', protocol: 'TCP', port: 80, targetPort: 'http' },
        { name: 'tls', protocol: 'TCP', port: 443, targetPort: 443 },
      ],
      selector: { app: 'web' },
      clusterIP: '127.96.28.5',
      clusterIPs: ['127.96.28.5'],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  },
};

const reader = (kind: keyof typeof kinds, options: ReaderOptions = {}): ProtobufReader => {
  const found = ProtobufReader.of(kinds[kind], options);
  if (!found) throw new Error(`no reader for ${kind}`);
  return found;
};
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const configMap = (data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop', resourceVersion: '7' },
  data,
});
const read = (json: KubeObject, options: ReaderOptions = {}): KubeObject =>
  reader(json.kind as 'ConfigMap', options).answer(encodeAnswer(json)) as KubeObject;

describe('the reader of protobuf', () => {
  it('reads what a real API server sent as that server writes it in JSON', () => {
    const event = reader('Service', { managedFields: true }).event(Buffer.from(RECORDED.frame, 'base64'));
    expect(event.type).toBe('ADDED');
    expect(plain(event.object)).toEqual(RECORDED.json);
  });

  it('leaves managedFields out unless somebody wants them', () => {
    const { object } = reader('Service').event(Buffer.from(RECORDED.frame, 'base64'));
    const { managedFields: _, ...metadata } = RECORDED.json.metadata;
    expect(plain(object)).toEqual({ ...RECORDED.json, metadata });
  });

  it('gives an object that can be copied, compared and printed like any other', () => {
    const object = read(configMap({ a: '1' }));
    expect(Object.keys(object).sort()).toEqual(['apiVersion', 'data', 'kind', 'metadata']);
    expect({ ...object }).toStrictEqual(configMap({ a: '1' }));
    expect(structuredClone(object)).toStrictEqual(configMap({ a: '1' }));
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  });

  it('decodes a field once, and gives the same value each time', () => {
    const object = read(configMap({ a: '1' }));
    expect(object.data).toBe(object.data);
  });

  it('gives an object that nobody can change', () => {
    const object = read({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', labels: { a: 'b' }, resourceVersion: '1' },
      spec: { ports: [{ port: 80, targetPort: 80 }] },
      status: { loadBalancer: {} },
    });
    const { ports } = object.spec as { ports: object[] };
    for (const part of [object, object.metadata, object.metadata.labels, object.spec, ports, ports[0]])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it('keeps a key that is the name of a prototype', () => {
    const data = JSON.parse('{"__proto__": "a", "constructor": "b"}') as Record<string, string>;
    const object = read(configMap(data));
    expect(Object.entries(object.data as object)).toEqual(Object.entries(data));
    expect(Object.getPrototypeOf(object.data)).toBe(Object.prototype);
  });

  it('reads any text, and tells apart texts that share a place in its memory', () => {
    const texts = fc.dictionary(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 80 }),
    );
    fc.assert(
      fc.property(texts, (data) => {
        // A lone surrogate has no UTF-8, so an API server cannot send one.
        const sent = JSON.parse(Buffer.from(JSON.stringify(configMap(data))).toString()) as KubeObject;
        expect(JSON.stringify(read(sent).data ?? {})).toBe(JSON.stringify(sent.data));
      }),
    );
  });

  it('reads a number of 64 bits as JSON.parse does', () => {
    for (const generation of [
      0n,
      1n,
      -1n,
      127n,
      128n,
      2n ** 31n,
      -(2n ** 31n),
      2n ** 53n + 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ]) {
      const json = {
        ...configMap({ a: 'b' }),
        metadata: { name: 'a', resourceVersion: '1', generation: generation as never },
      };
      const want = generation === 0n ? undefined : JSON.parse(String(generation));
      expect(read(json).metadata.generation).toBe(want);
    }
  });

  it('reads a list with its metadata, and gives each item its kind', () => {
    const items = ['a', 'b'].map((value) => configMap({ value }));
    const body = encodeList('v1', 'ConfigMap', { resourceVersion: '9', continue: 'next' }, items);
    expect(plain(reader('ConfigMap').answer(body))).toEqual({
      metadata: { resourceVersion: '9', continue: 'next' },
      items,
    });
  });

  it('keeps only the fields that were asked for', () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web-0', resourceVersion: '1' },
      spec: { nodeName: 'one', containers: [{ name: 'a', image: 'b', resources: {} }] },
      status: { phase: 'Running', podIP: '10.0.0.1' },
    };
    const fields = ['spec.nodeName', 'spec.containers.image', 'status.phase'];
    const { apiVersion, kind, metadata } = pod;
    expect(plain(read(pod, { fields }))).toEqual({
      apiVersion,
      kind,
      metadata,
      spec: { nodeName: 'one', containers: [{ image: 'b' }] },
      status: { phase: 'Running' },
    });
    expect(plain(read(pod, { fields: [] }))).toEqual({ apiVersion, kind, metadata });
  });

  it('passes over fields that it does not know, of every wire type', () => {
    const known = encodeAnswer(configMap({ a: '1' }));
    const unknown = Buffer.from([
      0xa0, 0x3f, 5, 0xa1, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 0x3f, 1, 9, 0xa5, 0x3f, 1, 2, 3, 4,
    ]);
    const event = encodeEvent('ADDED', configMap({ a: '1' }));
    expect(plain(reader('ConfigMap').event(Buffer.concat([event, unknown])))).toMatchObject({
      type: 'ADDED',
    });
    expect(plain(reader('ConfigMap').answer(Buffer.concat([known, unknown])))).toEqual(configMap({ a: '1' }));
  });

  it('gives an answer of another kind as a Status, or refuses it', () => {
    const status = {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      code: 410,
      reason: 'Expired',
      message: 'old',
    };
    expect(reader('ConfigMap').answer(encodeAnswer(status))).toMatchObject({
      kind: 'Status',
      code: 410,
      reason: 'Expired',
    });
    const secret = encodeAnswer({ ...configMap({}), kind: 'Secret', data: {} });
    expect(() => reader('ConfigMap').answer(secret)).toThrow(
      'answered with v1 Secret, where v1 ConfigMap was asked for',
    );
  });

  it('refuses an event that is cut off anywhere', () => {
    const whole = encodeEvent('ADDED', configMap({ a: '1', b: 'ü' }));
    for (let length = 0; length < whole.length; length++)
      expect(() => parseWatchEvent(whole.subarray(0, length), reader('ConfigMap'))).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^Malformed(Event|Protobuf)$/),
          retriable: true,
        }),
      );
  });

  it('has no reader for what only JSON can say', () => {
    expect(
      ProtobufReader.of({
        apiVersion: 'example.org/v1',
        kind: 'Widget',
        plural: 'widgets',
        namespaced: true,
      }),
    ).toBeUndefined();
    expect(ProtobufReader.of(kinds.CustomResourceDefinition)).toBeUndefined();
  });
});
