import { serverCertificate } from '../../../base/pki/inspectCertificate.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import { DEFAULT_ADMIN } from '../../../onprem/users.ts';
import { registrationStep } from '../decide/registration.ts';
import { reshardingStep } from '../decide/resharding.ts';
import { EMPTY_JOURNAL } from '../facts/journal.ts';
import { names } from '../facts/names.ts';
import { secretValue } from '../facts/secrets.ts';
import { certificateParts, isSelfSignedGood, SELF_SIGNED } from '../facts/webappCertificate.ts';
import {
  bringAbout,
  type CallsInput,
  call,
  type ForeseenCalls,
  type Pass,
  type Step,
  wait,
} from './foreseenPass.ts';
import { DECLARED, webhook } from './foreseenValues.ts';

/** The calls of one pass over a stack whose API answers, in the order of the application controller. */
export function foreseenCalls(input: CallsInput): ForeseenCalls {
  const pass: Pass = { ...input, journal: input.observed.journal ?? EMPTY_JOURNAL, calls: [], waits: [] };
  for (const step of STEPS) if (!step(pass)) break;
  const { calls, journal, number, waits } = pass;
  return { calls, journal, number, waits };
}

const admin: Step = (pass) => {
  const { resource } = pass.observed;
  const declared = resource.spec.users?.find(({ name }) => name === DEFAULT_ADMIN.username);
  const own = { name: names(resource.metadata.name).adminSecret, key: 'password' };
  const reference = declared?.passwordSecretRef ?? own;
  if (pass.hidden.has(reference.name)) return true;
  const password = secretValue(pass.observed, reference);
  if (password === undefined)
    return wait(pass, 'ApiReachable', `Secret ${reference.name} has no key ${reference.key}`);
  if (pass.journal.adminPassword === password) return true;
  call(pass, 'POST /v1/users/login', 'sets the password of admin');
  pass.journal = { ...pass.journal, adminPassword: password };
  return true;
};

const certificate: Step = (pass) => {
  const { observed, nowMs, journal } = pass;
  const { tls } = observed.resource.spec;
  if (!tls) return true;
  if (tls.selfSigned) {
    const { authoritySecret } = names(observed.resource.metadata.name);
    const authority = secretValue(observed, { name: authoritySecret, key: 'tls.crt' });
    if (pass.hidden.has(authoritySecret)) return true;
    if (authority === undefined || isSelfSignedGood(journal, authority, nowMs)) return true;
    upload(pass, 'foreseen', 'the operator signs a certificate for the Webapps (spec.tls.selfSigned)');
    const notAfter = nowMs + SELF_SIGNED.validDays * 86_400_000;
    const served = { names: [], notAfter, ca: authority, authority: hashOf(authority) };
    pass.journal = { ...pass.journal, served };
    return true;
  }
  const { name, field, chain, key, ca } = certificateParts(observed);
  if (pass.hidden.has(name)) return true;
  if (!chain || !key) {
    wait(pass, 'CertificatesReady', `Secret ${name} does not have the keys tls.crt and tls.key (${field})`);
    return true;
  }
  const file = readCertificate({ chain, key, ca });
  if (file === undefined)
    wait(pass, 'CertificatesReady', `the certificate in Secret ${name} (${field}) cannot be uploaded`);
  else upload(pass, hashOf(file), `the certificate of Secret ${name} (${field})`);
  return true;
};

function readCertificate(parts: Parameters<typeof serverCertificate>[0]): string | undefined {
  try {
    return serverCertificate(parts).file;
  } catch {
    return undefined;
  }
}

function upload(pass: Pass, hash: string, reason: string): void {
  const { applied, pending } = pass.journal.certificate;
  bringAbout(pass, 'certificate', { hash, isInPlace: applied === hash && pending === undefined }, () =>
    call(pass, 'POST /v1/certificates/external', reason),
  );
}

const register: Step = (pass) => {
  const observed = { ...pass.observed, journal: pass.journal };
  const { step, codeHash } = registrationStep(observed, pass.number.isRegistered, pass.nowMs);
  const { attempt, method } = observed.resource.spec.registration;
  if (step.do === 'wait') {
    if (step.verdict.status !== 'True') wait(pass, 'Registered', step.verdict.message);
  } else if (step.do === 'request-code') {
    call(pass, 'POST /v1/account', `requests a registration code (spec.registration.method ${method})`);
    pass.journal = { ...pass.journal, registration: { attempt, phase: 'code-requested' } };
  } else {
    call(pass, 'POST /v1/account/verify', 'registers the number with the code');
    const registeredAt = new Date(pass.nowMs).toISOString();
    const entry = { attempt, phase: 'registered', registeredAt, codeTried: codeHash } as const;
    pass.journal = { ...pass.journal, registration: entry };
    pass.number = { ...pass.number, isRegistered: true };
  }
  return true;
};

const reshard: Step = (pass) => {
  const { observed, number, nowMs } = pass;
  if (!number.isRegistered) return true;
  const step = reshardingStep({ ...observed, journal: pass.journal }, true, nowMs);
  if (step.do === 'set-shards') {
    call(pass, 'POST /v1/account/shards', `from ${number.shards} to ${step.shards} shards`);
    pass.number = { ...number, shards: step.shards };
  } else if (step.verdict.status !== 'True') wait(pass, 'ShardsServed', step.verdict.message);
  return true;
};

const STEPS: readonly Step[] = [admin, certificate, ...DECLARED, webhook, register, reshard];
