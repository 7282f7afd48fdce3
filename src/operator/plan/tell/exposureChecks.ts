import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { bearsName, exposedNames } from '../facts/exposedNames.ts';
import type { Observed } from '../facts/observed.ts';
import { met, unmet, type Verdict } from './conditions.ts';

/** What Gateways say about the routes of a stack, in their own words. */

interface Told {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}
interface Reference {
  readonly name: string;
  readonly namespace?: string;
  readonly sectionName?: string;
  readonly port?: number;
}
/** A route names the Gateways that answered `parents`, a policy names them `ancestors`. */
type Answered = KubeObject & {
  readonly spec?: { readonly parentRefs?: readonly Reference[] };
  readonly status?: {
    readonly parents?: readonly { readonly parentRef: Reference; readonly conditions?: readonly Told[] }[];
    readonly ancestors?: readonly {
      readonly ancestorRef: Reference;
      readonly conditions?: readonly Told[];
    }[];
  };
};

/** In this order: what is not accepted is not looked up. */
const REASONS = { Accepted: 'NotAccepted', ResolvedRefs: 'RefsNotResolved' } as const;

/** The objects that make the ways in, as `Kind/name`. */
interface WaysIn {
  readonly api: readonly string[];
  /** For the webhooks of the Cloud API. */
  readonly webhook: readonly string[];
}

export function judgeExposure(observed: Observed, ways: WaysIn): Verdict<'Exposed'> {
  const { resource, journal } = observed;
  const { exposure } = resource.spec;
  const wanted = [...ways.api, ...ways.webhook];
  if (wanted.length === 0) return met('Exposed', 'NotConfigured', 'spec.exposure is not set');
  // Of a TLSRoute the clients themselves verify the certificate.
  if (exposure && !exposure.tlsRoute && !journal?.webappCa)
    return unmet(
      'Exposed',
      'NoCertificateYet',
      `what ends the TLS of the clients must trust the certificate of the Webapps, and the operator has not seen it yet; it creates the ${exposure.httpRoute ? 'HTTPRoute' : 'Ingress'} once a Webapp answers`,
    );
  const absent = wanted.find((key) => !observed.children.has(key));
  if (absent) return unmet('Exposed', 'Pending', `the operator creates ${absent.replace('/', ' ')}`);
  const live = wanted.flatMap((key) => observed.children.get(key) ?? []) as Answered[];
  for (const object of live) {
    const verdict = judgeAnswers(object);
    if (verdict) return verdict;
  }
  return namesAreBorne(observed) ?? accepted(observed, live);
}

function judgeAnswers(object: Answered): Verdict<'Exposed'> | undefined {
  const what = `${object.kind} ${object.metadata.name}`;
  for (const { gateway, conditions } of answersTo(object)) {
    if (!conditions)
      return unmet(
        'Exposed',
        'Pending',
        `${what}: Gateway ${gateway} has not answered yet; see whether it exists and its controller runs: ${lookAt(gateway)}`,
      );
    for (const type of ['Accepted', 'ResolvedRefs'] as const) {
      const told = conditions.find((condition) => condition.type === type);
      if (!told || told.status === 'True') continue;
      const { status, reason = '', message } = told;
      const more = message ? `: ${message}` : `; see the Gateway: ${lookAt(gateway)}`;
      return unmet(
        'Exposed',
        REASONS[type],
        `${what}: Gateway ${gateway} says ${type}=${status} ${reason}${more}`,
      );
    }
  }
  return undefined;
}

const lookAt = (gateway: string): string => {
  const [namespace, name] = gateway.split('/');
  return `kubectl -n ${namespace} describe gateway ${name}`;
};

interface Answer {
  /** `namespace/name`. */
  readonly gateway: string;
  /** Undefined while the Gateway has said nothing about this generation. */
  readonly conditions: readonly Told[] | undefined;
}

/** What each Gateway says: of a route every one that it names, of a policy every one that took it. */
function answersTo({ metadata, spec, status }: Answered): Answer[] {
  const gatewayOf = ({ namespace = metadata.namespace, name }: Reference) => `${namespace}/${name}`;
  const current = (conditions: readonly Told[] = []) => {
    const known = conditions.filter(
      ({ observedGeneration }) =>
        observedGeneration === undefined || observedGeneration >= (metadata.generation ?? 0),
    );
    return known.length > 0 ? known : undefined;
  };
  const ofPolicy = (status?.ancestors ?? []).flatMap(({ ancestorRef, conditions }) => {
    const known = current(conditions);
    return known ? [{ gateway: gatewayOf(ancestorRef), conditions: known }] : [];
  });
  const ofRoute = (spec?.parentRefs ?? []).map((parent) => {
    const answer = status?.parents?.find(
      ({ parentRef }) =>
        gatewayOf(parentRef) === gatewayOf(parent) &&
        parentRef.sectionName === parent.sectionName &&
        parentRef.port === parent.port,
    );
    return { gateway: gatewayOf(parent), conditions: current(answer?.conditions) };
  });
  return [...ofRoute, ...ofPolicy];
}

/** Clients of a TLSRoute see the certificate of the Webapps. */
function namesAreBorne({ resource, journal }: Observed): Verdict<'Exposed'> | undefined {
  const { tls } = resource.spec;
  const borne = journal?.served?.names ?? [];
  const missing = exposedNames(resource).filter((name) => !bearsName(borne, name));
  if (missing.length === 0) return undefined;
  const fix = tls?.secretRef
    ? `put a certificate with these names into Secret ${tls.secretRef.name} (spec.tls.secretRef)`
    : tls
      ? 'the new certificate is on its way; the condition CertificatesReady says how far it is'
      : 'set spec.tls.selfSigned, spec.tls.issuerRef or spec.tls.secretRef';
  return unmet(
    'Exposed',
    'NameNotInCertificate',
    `clients of TLSRoute ${resource.metadata.name} see the certificate of the Webapps, which does not bear ${missing.join(', ')}; ${fix}`,
  );
}

function accepted({ resource }: Observed, live: readonly Answered[]): Verdict<'Exposed'> {
  const [ingress] = live.filter(({ kind }) => kind === 'Ingress').map(({ metadata }) => metadata.name);
  if (ingress !== undefined)
    return met(
      'Exposed',
      'Accepted',
      `Ingress ${ingress} exists; whether its controller serves it: kubectl -n ${resource.metadata.namespace} describe ingress ${ingress}`,
    );
  const policy = live.find(({ kind }) => kind === 'BackendTLSPolicy');
  const isSilent = policy && (policy.status?.ancestors ?? []).length === 0;
  return met(
    'Exposed',
    'Accepted',
    `every Gateway accepts the route${isSilent ? `; none has answered to BackendTLSPolicy ${policy.metadata.name}: one that does not know this kind may connect to the Webapps without TLS, and they refuse it` : ''}`,
  );
}
