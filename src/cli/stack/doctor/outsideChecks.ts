import { type Check, check, type Finding, failed, ok, unknown, warning, worst } from './check.ts';
import { worstClock } from './clusterChecks.ts';
import type { SeenCertificate, StackValues } from './facts.ts';
import { fromCondition } from './fromCondition.ts';
import { plural } from './plural.ts';
import { conditionCheck } from './stateChecks.ts';

const ask = check<StackValues>();
const API = 'API';
const WEBHOOK = 'Webhook';

const DAY_MS = 86_400_000;
const CERTIFICATE_WARNING_DAYS = 14;
/** A receiver that takes longer endangers the callbacks. Source: docs/onprem/deployment.md §8.3. */
const SLOW_MS = 3_000;
/** Callbacks that wait: the client refuses messages from 100,000 on. Source: docs/onprem/api-messaging.md §7.2. */
const CALLBACKS = { warning: 1_000, failed: 50_000, most: 100_000 } as const;

/** Reasons of conditions that tell of a name without an address. */
const NO_ADDRESS: readonly string[] = ['DnsFailed', 'DatabaseHostUnknown'];

export const outsideChecks: readonly Check<StackValues>[] = [
  conditionCheck('ApiReachable', {
    id: 'api',
    group: API,
    asks: 'Does the API answer the operator, and is it logged in?',
    mend: '`kubectl waba logs NAME --role webapp`.',
  }),
  ask({
    id: 'api-from-here',
    group: API,
    asks: 'Does a Webapp answer this machine, with the certificate of the stack?',
    rule: 'failed: the certificate is not that of the stack',
    mend: 'Look for a proxy in front of the Webapps; `kubectl waba restart NAME --role webapp`.',
    source:
      'a TLS connection through `kubectl port-forward` (create pods/portforward), and the journal (get secrets)',
    needs: ['front'],
    judge: ({ front: { certificate, untrusted } }, { name }) => {
      if ('unknown' in untrusted) return unknown(untrusted.unknown);
      return untrusted.value === undefined
        ? ok(`a Webapp answers with the certificate of ${certificate.subject}`)
        : failed(
            `the certificate of ${certificate.subject} is not that of the stack: ${untrusted.value}`,
            `look for a proxy in front of the Webapps, or run \`kubectl waba restart ${name} --role webapp\``,
          );
    },
  }),
  ask({
    id: 'clocks',
    group: API,
    asks: 'Do the clocks of the Webapps agree with that of the API server?',
    rule: 'failed: one differs by more than 10 s, beyond which Webapps and Coreapps refuse each other; warning: by more than 2 s',
    mend: 'Correct the time service on the node of the Webapp.',
    source: 'the header Date of an answer, through `kubectl port-forward` (create pods/portforward)',
    needs: ['front'],
    judge: ({ front: { clock } }) =>
      clock
        ? worstClock([clock], 'correct the time service on the node of the Webapp: `chronyc tracking`')
        : unknown('the Webapp sends no header Date'),
  }),
  ask({
    id: 'certificates',
    group: API,
    asks: 'When do the certificates of the stack expire?',
    rule: 'failed: one expired; warning: one expires within 14 days, and the operator does not renew it',
    mend: 'Put a new certificate into the Secret; with `spec.tls.issuerRef`, `kubectl describe certificate NAME-tls`.',
    source: 'Secrets (get); only subject and end are kept',
    needs: ['certificates', 'resource'],
    judge: ({ certificates, resource }, about) =>
      certificatesFinding(certificates, about.nowMs, fromCondition(resource, 'CertificatesReady', about)),
  }),
  ask({
    id: 'served-certificate',
    group: API,
    asks: 'When does the certificate expire that the Webapps serve?',
    rule: 'failed: it expired; warning: it expires within 14 days',
    mend: 'Put a new certificate into the Secret of `spec.tls.secretRef`, or set `spec.tls.selfSigned`.',
    source: 'a TLS connection through `kubectl port-forward` (create pods/portforward)',
    needs: ['front'],
    judge: ({ front: { certificate } }, { nowMs }) => certificatesFinding([certificate], nowMs),
  }),
  conditionCheck('SettingsSynced', {
    id: 'settings',
    group: API,
    asks: 'Do settings, users, profile and media providers match spec?',
    mend: 'Change spec to match, or set `spec.driftPolicy` to Repair.',
  }),
  conditionCheck('Exposed', {
    id: 'exposure',
    group: API,
    asks: 'Is the API reached from outside as `spec.exposure` declares?',
    mend: 'Correct what the Gateway says in the evidence.',
  }),
  ask({
    id: 'dns',
    group: API,
    asks: 'Have the names that spec uses an address?',
    rule: 'failed: the operator or a pod found none for one of them',
    mend: 'Correct the name in spec, or the DNS of the cluster: see the check `cluster-dns`.',
    source: 'the status of the WhatsAppDeployment',
    needs: ['resource'],
    judge: ({ resource }) => {
      const nameless = (resource.status?.conditions ?? []).filter(({ reason }) =>
        NO_ADDRESS.includes(reason),
      );
      return nameless.length > 0
        ? failed(
            [...new Set(nameless.map(({ message }) => message))],
            'correct the name in spec, or the DNS of the cluster: `kubectl -n kube-system get pods -l k8s-app=kube-dns`',
          )
        : ok('no name in spec was found without an address');
    },
  }),
  ask({
    id: 'webhook',
    group: WEBHOOK,
    asks: 'Does the webhook receiver answer callbacks with 200, over https, with a certificate that the stack trusts?',
    rule: 'failed: the probe of the operator failed; warning: no webhook is set, or the operator may not probe it',
    mend: 'Correct `spec.webhook` or the receiver, and run `kubectl waba check NAME`.',
    source: 'the condition WebhookReady: the operator probes name, connection, certificate and answer',
    wadebug: ['check_webhook'],
    needs: ['resource'],
    judge: ({ resource }, about) => {
      if (!resource.spec.webhook)
        return warning('spec.webhook is not set: nobody gets messages and statuses', 'set spec.webhook.url');
      return fromCondition(resource, 'WebhookReady', about);
    },
  }),
  ask({
    id: 'webhook-certificate',
    group: WEBHOOK,
    asks: 'What chain does the receiver show this machine, when does it expire, and how long does the handshake take?',
    rule: 'failed: it expired; warning: it expires within 14 days, it is not trusted, or the handshake takes more than 3 s',
    mend: 'Renew the certificate of the receiver, or name its CA in `spec.webhook.caSecretRef`.',
    source: 'a TLS connection from this machine, which may have another way to the receiver than the cluster',
    wadebug: ['check_webhook'],
    needs: ['receiver', 'resource'],
    judge: ({ receiver }, { nowMs }) => {
      if (!receiver) return undefined;
      const { host, problem, untrusted, chain, notAfter = 0, handshakeMs = 0 } = receiver;
      if (problem !== undefined)
        return unknown(
          `this machine does not reach ${host}: ${problem}; the check webhook tells what the operator sees`,
        );
      const evidence = `${host} shows ${chain.join(' < ')} after ${Math.round(handshakeMs)} ms`;
      const findings = [
        certificateFinding({ where: host, subject: chain[0] ?? host, notAfter, isRenewed: false }, nowMs),
      ];
      if (untrusted !== undefined)
        findings.push(
          warning(
            `${evidence}, which is not trusted: ${untrusted}`,
            'name the CA of the receiver in spec.webhook.caSecretRef, or replace its certificate',
          ),
        );
      if (handshakeMs > SLOW_MS)
        findings.push(warning(`${evidence}, which is slow`, 'make the receiver answer within three seconds'));
      const found = worst(findings);
      return found?.verdict === 'ok' ? ok(evidence, ...found.evidence) : found;
    },
  }),
  ask({
    id: 'callbacks',
    group: WEBHOOK,
    asks: 'How many callbacks wait for the receiver?',
    rule: 'failed: 50,000 or more wait, and from 100,000 on the client refuses messages with error 1016; warning: 1,000 or more wait',
    mend: 'Make the receiver answer, and look at the check `webhook`.',
    source: '`GET /v1/stats` with the API key (get secrets; create pods/portforward)',
    needs: ['counters'],
    judge: ({ counters: { callbacks } }, { name }) => {
      if (callbacks === undefined) return unknown('the stack reports no number of pending callbacks');
      const evidence = `${plural(callbacks, 'callback')} ${callbacks === 1 ? 'waits' : 'wait'} for the receiver`;
      const remedy = `make the receiver answer with 200 within five seconds; \`kubectl waba check ${name}\` tests it`;
      if (callbacks >= CALLBACKS.failed)
        return failed(`${evidence}; from ${CALLBACKS.most} on the client refuses messages`, remedy);
      return callbacks >= CALLBACKS.warning ? warning(evidence, remedy) : ok(evidence);
    },
  }),
];

const certificatesFinding = (all: readonly SeenCertificate[], nowMs: number, also?: Finding): Finding => {
  const findings = [...all.map((each) => certificateFinding(each, nowMs)), ...(also ? [also] : [])];
  const found = worst(findings);
  // The first end is what counts where all is well.
  const first = [...all].sort((a, b) => a.notAfter - b.notAfter)[0];
  if (found?.verdict === 'ok' && first) return ok(...certificateFinding(first, nowMs).evidence);
  return found ?? ok('the stack has no certificate in a Secret');
};

function certificateFinding(
  { where, subject, notAfter, isRenewed }: SeenCertificate,
  nowMs: number,
): Finding {
  const days = Math.floor((notAfter - nowMs) / DAY_MS);
  const until = new Date(notAfter).toISOString();
  const what = `the certificate of ${subject} (${where})`;
  const remedy = isRenewed
    ? 'the operator renews it: see the checks operator and leader'
    : `replace it: ${where}`;
  if (notAfter < nowMs) return failed(`${what} expired at ${until}`, remedy);
  return days < CERTIFICATE_WARNING_DAYS && !isRenewed
    ? warning(`${what} expires in ${days} days, at ${until}`, remedy)
    : ok(`${what} is good for ${days} more days`);
}
