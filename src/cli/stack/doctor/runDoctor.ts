import { systemClock } from '../../../base/clock.ts';
import { CodedError } from '../../../base/codedError.ts';
import { Gate } from '../../../base/gate.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { parseWhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../../operator/state/stackSources.ts';
import { type ClusterAccess, type ClusterOptions, clusterFlags } from '../../clusterAccess.ts';
import type { CliContext } from '../../context.ts';
import { isUnknownKind } from '../../explainError.ts';
import { runProgram } from '../../program.ts';
import { findStack } from '../getStack.ts';
import { reachService } from '../reachService.ts';
import { stackChecks } from './checks.ts';
import type { Gatherer } from './gather.ts';
import { gatherInstallation } from './gatherInstallation.ts';
import { gatherStack } from './gatherStack.ts';
import { installationChecks } from './installationChecks.ts';
import type { Mask } from './mask.ts';
import { judged, type Report, reportOf, type Section } from './report.ts';

/** Stacks that are looked at together: each takes a few connections. */
const STACKS_AT_ONCE = 4;

export interface DoctorRequest {
  readonly cluster: ClusterOptions;
  /** The stack; all of the namespace without one. */
  readonly name?: string | undefined;
  /** The operator, as `namespace/name`, if the cluster has several. */
  readonly operator?: string | undefined;
  readonly mask: Mask;
}

/** Asks every question about the installation and the stacks. Changes nothing. @throws CodedError `NotFound`, ApiError */
export async function runDoctor(
  access: ClusterAccess,
  request: DoctorRequest,
  context: Pick<CliContext, 'signal' | 'version'>,
): Promise<Report> {
  const { client, namespace } = access;
  const { cluster, mask } = request;
  const { signal } = context;
  const gatherer: Gatherer = {
    client,
    namespace,
    clock: systemClock,
    mask,
    reach: (service, until) => reachService(access, cluster, service, { signal: until }),
    exec: async ({ pod, container }, command, until) => {
      const args = [
        'exec',
        ...clusterFlags(cluster),
        '-n',
        namespace,
        pod,
        '-c',
        container,
        '--',
        ...command,
      ];
      try {
        return await runProgram('kubectl', args, {}, until);
      } catch (error) {
        if (!(error instanceof CodedError) || error.code !== 'ProgramFailed') throw error;
        throw new CodedError('ExecFailed', execProblem(pod, namespace, error.message));
      }
    },
  };
  const stored = await storedStacks(access, request.name, signal);
  const choice = { ownVersion: context.version, wanted: request.operator };
  const installation = await gatherInstallation(gatherer, choice, signal);
  const { ownClock } = installation;
  const serverAheadMs = 'value' in ownClock ? -ownClock.value.aheadMs : 0;
  const aboutOf = (name: string) => ({ namespace, name, nowMs: systemClock.now() + serverAheadMs });
  const gate = new Gate({ atOnce: STACKS_AT_ONCE, longestQueue: Number.POSITIVE_INFINITY });
  const stacks = await Promise.all(
    stored.map((object) =>
      gate.run(async (): Promise<Section> => {
        const { name } = object.metadata;
        const parsed = parseWhatsAppDeployment(object);
        const checks = parsed.ok
          ? judged(
              stackChecks,
              await gatherStack(
                gatherer,
                { stored: object, resource: parsed.resource },
                serverAheadMs,
                signal,
              ),
              aboutOf(name),
            )
          : [notUnderstood(parsed.problems)];
        return { of: 'stack', namespace, name, checks };
      }),
    ),
  );
  const checks = judged(installationChecks, installation, aboutOf(''));
  return mask.deep(reportOf([{ of: 'installation', namespace, checks }, ...stacks]));
}

/** As the API server has them. None if it does not serve the kind, which a check reports. */
async function storedStacks(
  access: ClusterAccess,
  name: string | undefined,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  try {
    if (name !== undefined) return [await findStack(access, name, signal)];
    const { client, namespace } = access;
    return (await client.list<KubeObject>(WhatsAppDeploymentKind, { namespace }, signal)).items;
  } catch (error) {
    if (isUnknownKind(error)) return [];
    throw error;
  }
}

/** The last line that kubectl printed says it; the command line before it says nothing new. */
const execProblem = (pod: string, namespace: string, said: string): string =>
  said.includes('(Forbidden)')
    ? `needs the right to create pods/exec in namespace ${namespace}`
    : `kubectl exec in Pod ${pod}: ${said.trim().split('\n').at(-1)}`;

const notUnderstood = (problems: readonly { readonly path: string; readonly message: string }[]) => ({
  id: 'spec',
  group: 'State',
  verdict: 'failed' as const,
  evidence: problems.map(({ path, message }) => `this program does not understand ${path}: ${message}`),
  remedy: 'use the kubectl-waba of the installed operator; `kubectl waba version` names its version',
});
