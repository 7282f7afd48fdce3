import { CodedError } from '../base/codedError.ts';
import type { Failure } from './contract/contract.ts';

interface Place {
  readonly bucket: string;
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly credentialsFolder?: string | undefined;
}
interface Words {
  readonly failure: Failure;
  /** Names of S3 errors, codes of Node.js, HTTP status codes. */
  readonly codes: readonly (string | number)[];
  readonly says: (place: Place) => string;
}

const endpointOf = ({ endpoint, region }: Place) => endpoint ?? `S3 of AWS in ${region}`;

/** In this order: a name says more than a status. */
const WORDS: readonly Words[] = [
  {
    failure: 'DestinationNotFound',
    codes: ['NoSuchBucket'],
    says: ({ bucket }) => `there is no bucket ${bucket}; create it or change the destination`,
  },
  {
    failure: 'DestinationNotFound',
    codes: ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'],
    says: ({ bucket, region }) => `bucket ${bucket} is not in region ${region}; change WABA_S3_REGION`,
  },
  {
    failure: 'DestinationFull',
    codes: ['InsufficientStorage', 'XMinioStorageFull', 'StorageFull', 'ENOSPC', 507],
    says: ({ bucket }) => `no space is left for bucket ${bucket}; enlarge the storage or remove backups`,
  },
  {
    failure: 'DestinationFull',
    codes: ['QuotaExceeded', 'BucketQuotaExceeded', 'XMinioAdminBucketQuotaExceeded', 'EDQUOT'],
    says: ({ bucket }) => `the quota of bucket ${bucket} is used up; raise it or remove backups`,
  },
  {
    failure: 'DestinationDenied',
    codes: ['InvalidAccessKeyId', 'XAdminUserNotFound'],
    says: () => 'the server does not know the access key; correct accessKeyId',
  },
  {
    failure: 'DestinationDenied',
    codes: ['SignatureDoesNotMatch'],
    says: () => 'the secret key does not belong to the access key; correct secretAccessKey',
  },
  {
    failure: 'DestinationDenied',
    codes: ['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired'],
    says: () => 'the session token has expired or is wrong; renew the credentials',
  },
  {
    failure: 'DestinationDenied',
    codes: ['RequestTimeTooSkewed'],
    says: () => 'the clocks of this node and of the server differ; correct the time',
  },
  {
    failure: 'DestinationDenied',
    codes: ['CredentialsProviderError', 'ENOENT', 'EACCES'],
    says: ({ credentialsFolder = 'WABA_S3_CREDENTIALS_FOLDER' }) =>
      `there are no credentials; put accessKeyId and secretAccessKey into ${credentialsFolder}`,
  },
  {
    failure: 'DestinationUnreachable',
    codes: ['ENOTFOUND', 'EAI_AGAIN'],
    says: (place) => `the name of ${endpointOf(place)} is unknown; correct WABA_S3_ENDPOINT, or the DNS`,
  },
  {
    failure: 'DestinationUnreachable',
    codes: ['ECONNREFUSED'],
    says: (place) => `${endpointOf(place)} refuses connections; check that the server runs, and the port`,
  },
  {
    failure: 'DestinationUnreachable',
    codes: [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'CERT_SIGNATURE_FAILURE',
    ],
    says: (place) =>
      `the certificate of ${endpointOf(place)} is not trusted; put its CA into WABA_S3_CA_FILE`,
  },
  {
    failure: 'DestinationUnreachable',
    codes: ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO'],
    says: (place) =>
      `the certificate of ${endpointOf(place)} does not fit; renew it or correct WABA_S3_ENDPOINT`,
  },
  {
    failure: 'DestinationDenied',
    codes: ['AccessDenied', 'AllAccessDisabled', 'AccountProblem', 401, 403],
    says: ({ bucket }) =>
      `access to bucket ${bucket} is denied; allow GetObject, PutObject, DeleteObject, AbortMultipartUpload, ` +
      'ListBucket and ListBucketMultipartUploads',
  },
];

/** Any other failure of the network or of the server. */
const UNREACHABLE: Words = {
  failure: 'DestinationUnreachable',
  codes: [],
  says: (place) => `${endpointOf(place)} did not complete the request, also when repeated`,
};

/** By name: servers answer 404 for other reasons too, such as an unknown access key. */
export const isMissingObject = (error: unknown): boolean => codesOf(error).includes('NoSuchKey');

/** An error of the S3 client, in words that say what to do. */
export function s3Failure(cause: unknown, place: Place): Error {
  if (cause instanceof CodedError) return cause;
  const codes = codesOf(cause);
  const words = WORDS.find((words) => words.codes.some((code) => codes.includes(code))) ?? UNREACHABLE;
  const { failure, says } = words;
  // What the server answered stands behind it; the client's errors hold no credentials.
  return new CodedError(failure, says(place), { cause, retriable: failure === 'DestinationUnreachable' });
}

function codesOf(error: unknown): (string | number)[] {
  if (typeof error !== 'object' || error === null) return [];
  const { name, Code, code, $metadata, errors, cause } = error as {
    name?: string;
    Code?: string;
    code?: string;
    $metadata?: { httpStatusCode?: number };
    errors?: readonly unknown[];
    cause?: unknown;
  };
  const own = [name, Code, code, $metadata?.httpStatusCode].filter((value) => value !== undefined);
  return [...own, ...(errors ?? []).flatMap(codesOf), ...codesOf(cause)];
}
