import { hashOf } from '../../../engine/kube/ownFields.ts';
import { passwordMark, ROTATION_VARIABLES, type RotationWork } from '../../../onprem/passwordRotation.ts';
import type { RotationEntry } from '../facts/journal.ts';
import { NEXT_PASSWORD_KEY, names } from '../facts/names.ts';
import { type Child, child } from './child.ts';
import { fromSecret } from './databaseServer.ts';
import { commonPod } from './nodeContainer.ts';
import { type NodeInputs, nodeInputs, nodeRelease, type PodRelease, type StackPods } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { JOB_RESOURCES } from './schemaJob.ts';
import { checkVariables, databaseCertificates } from './stackEnvironment.ts';

/** The program repeats itself, so only one that cannot run ends and is started again. */
const BACKOFF_LIMIT = 100;
/** After this time the operator makes the Job anew, so that one that hangs does not hang for ever. */
const ACTIVE_DEADLINE_SECONDS = 4 * 60 * 60;

interface PasswordInputs extends NodeInputs {
  readonly work: RotationWork;
  /** The account that gets a password, or is locked. */
  readonly account: string;
  /** Of the password that it gets. */
  readonly mark: string | undefined;
}
interface PasswordRelease extends PodRelease {
  /** Of our stack, also for the vendor's: only it has the command. */
  readonly program: string;
}

/** The Job that a rotation needs in its phase; undefined if it needs none. `program` is the image of this operator version. */
export function passwordJob(
  pods: StackPods,
  entry: RotationEntry | undefined,
  program: string,
): Child | undefined {
  const work = entry && workOf(entry);
  if (!work) return undefined;
  const inputs = { ...nodeInputs(pods, 'schema'), ...work };
  const release = { ...nodeRelease(pods), program };
  const hash = hashOf([inputs.account, inputs.mark, render(inputs, release)]).slice(0, 8);
  return child(pods.resource, {
    component: 'password-rotation',
    // A label of its pods repeats the name, and has at most 63 characters.
    identity: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      name: `${pods.resource.metadata.name}-password-${hash}`,
    },
    inputs,
    release,
    render,
  });
}

function workOf({
  phase,
  next,
  previous,
}: RotationEntry): Pick<PasswordInputs, 'work' | 'account' | 'mark'> | undefined {
  // A password is made when the journal is written.
  if (phase === 'Preparing' && next?.password !== undefined)
    return { work: 'prepare', account: next.username, mark: passwordMark(next.password) };
  if (phase === 'Retiring' && previous)
    return { work: 'retire', account: previous.username, mark: undefined };
  return undefined;
}

function render(inputs: PasswordInputs, release: PasswordRelease) {
  const { work, account, mark } = inputs;
  const certificates = databaseCertificates(inputs, release);
  const { securityContext, ...podTemplateOfSchema } = inputs.spec.nodes?.podTemplate ?? {};
  const { username, password, mark: markVariable } = ROTATION_VARIABLES;
  const template = podTemplate({
    ...commonPod(inputs),
    component: 'password-rotation',
    // Our image, whose security context is not that of the vendor's.
    version: undefined,
    vendor: false,
    restartPolicy: 'OnFailure',
    resources: JOB_RESOURCES,
    overrides: inputs.spec.stack === 'OnPremises' ? podTemplateOfSchema : inputs.spec.nodes?.podTemplate,
    container: {
      image: release.program,
      args: ['rotate-password', work],
      env: [
        ...checkVariables(inputs, release),
        { name: username, value: account },
        ...(mark === undefined
          ? []
          : [
              fromSecret(names(inputs.metadata.name).journal, password, NEXT_PASSWORD_KEY),
              { name: markVariable, value: mark },
            ]),
      ],
      volumeMounts: certificates.volumeMounts,
    },
    volumes: certificates.volumes,
  });
  return { spec: { backoffLimit: BACKOFF_LIMIT, activeDeadlineSeconds: ACTIVE_DEADLINE_SECONDS, template } };
}
