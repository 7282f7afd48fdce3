import type { BackupEnvironment } from './contract/contract.ts';
import type { Destination } from './destination.ts';

const FILE = 'file:';

/** The destination that the variables name. The client of S3 is loaded only for a bucket. */
export async function openDestination(environment: BackupEnvironment): Promise<Destination> {
  const { WABA_BACKUP_DESTINATION: url } = environment;
  if (url.startsWith(FILE)) {
    const { FileDestination } = await import('./fileDestination.ts');
    return new FileDestination(url.slice(FILE.length));
  }
  const { S3Destination } = await import('./s3Destination.ts');
  const { host, pathname } = new URL(url);
  return new S3Destination({
    bucket: host,
    prefix: pathname.replace(/^\/+|\/+$/g, ''),
    endpoint: environment.WABA_S3_ENDPOINT,
    region: environment.WABA_S3_REGION,
    pathStyle: environment.WABA_S3_PATH_STYLE,
    caFile: environment.WABA_S3_CA_FILE,
    credentialsFolder: environment.WABA_S3_CREDENTIALS_FOLDER,
  });
}
