import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { restricted } from '../../src/operator/plan/render/podTemplate.ts';

/** The Service of a collector in a cluster: takes OTLP as JSON over HTTP. */
export const COLLECTOR = { name: 'collector', port: 4318 };

/** Keeps the bodies that it was sent, and answers GET with all of them, as JSON. */
const PROGRAM = `
const bodies = [];
require('http').createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (request.method === 'POST') bodies.push(body);
  response.setHeader('content-type', 'application/json');
  response.end(request.method === 'POST' ? '{}' : JSON.stringify(bodies));
}).listen(${COLLECTOR.port});
`;

/** @param image one with Node, such as that of the operator */
export function collectorPod(image: string): KubeObject[] {
  const { name, port } = COLLECTOR;
  const labels = { app: name };
  const { pod, container } = restricted();
  const server = {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/nodejs/bin/node', '-e', PROGRAM],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    securityContext: container,
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels },
      spec: { securityContext: pod, automountServiceAccountToken: false, containers: [server] },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: labels, ports: [{ port }] } },
  ];
}
