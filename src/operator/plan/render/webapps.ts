import { WEB_PORT } from '../../../onprem/environment.ts';
import { DEFAULT_RESOURCES, LOADED } from '../facts/capacity.ts';
import { tlsMark } from '../facts/managedTls.ts';
import { annotations, names, selectorLabels } from '../facts/names.ts';
import { counts } from '../facts/stackSettings.ts';
import { type Additions, type Child, child } from './child.ts';
import { commonPod, imageOf, nodeVolumes, SERVING, STARTING, startCommand } from './nodeContainer.ts';
import { type NodeInputs, nodeInputs, nodeRelease, type PodRelease, type StackPods } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { webappVariables } from './stackEnvironment.ts';

interface WebappInputs extends NodeInputs {
  readonly replicas: number;
}

/** The Webapps: one Deployment of identical pods. */
export function webapps(pods: StackPods): Child {
  const { resource } = pods;
  return child(resource, {
    component: 'webapp',
    identity: { apiVersion: 'apps/v1', kind: 'Deployment', name: names(resource.metadata.name).webapp },
    restarts: true,
    inputs: { ...nodeInputs(pods, 'webapp'), replicas: counts(resource).webapps },
    release: nodeRelease(pods),
    render,
    additions: { resources: DEFAULT_RESOURCES.node },
  });
}

const HTTPS_GET = { path: '/', port: 'https', scheme: 'HTTPS' };

function render(inputs: WebappInputs, release: PodRelease, { resources: defaults }: Additions) {
  const { metadata, spec, secrets, restarts, replicas } = inputs;
  const { volumes, volumeMounts } = nodeVolumes(inputs, release);
  const template = podTemplate({
    ...commonPod(inputs),
    component: 'webapp',
    annotations: {
      [annotations.secrets]: secrets,
      [annotations.restarts]: String(restarts),
      ...tlsMark(release.databaseTls),
    },
    resources: spec.nodes?.resources ?? (spec.capacity ? LOADED.webapp : defaults),
    overrides: spec.nodes?.podTemplate,
    spread: true,
    container: {
      image: imageOf(inputs, release, 'webapp'),
      command: startCommand(inputs),
      env: webappVariables(inputs, release),
      ports: [{ name: 'https', containerPort: WEB_PORT }],
      volumeMounts,
      startupProbe: { httpGet: HTTPS_GET, ...STARTING },
      readinessProbe: { httpGet: HTTPS_GET, ...SERVING, timeoutSeconds: 3 },
      // The process may keep running after its web server has died.
      livenessProbe: { httpGet: HTTPS_GET, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    },
    volumes,
  });
  return {
    spec: {
      replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: selectorLabels(metadata.name, 'webapp') },
      template,
    },
  };
}
