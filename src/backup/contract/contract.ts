import * as z from 'zod';

/** What the operator and the backup program agree on: variables, paths, object names, results. Pure and light. */

/** Version of the layout of objects and manifests. A reader refuses a newer one. */
export const FORMAT_VERSION = 1;

/** Where the image has the program, and where the pod mounts what its two containers share. */
export const BACKUP_PROGRAM = '/usr/local/bin/waba-backup';
export const PIPE_PATH = '/pipe';

/** Names of the two containers of a backup's pod. */
export const CONTAINERS = { dump: 'dump', agent: 'agent' } as const;

/** How the program ends: a failure that another try cannot mend is `final`. */
export const EXIT_CODES = { done: 0, retriable: 1, final: 2 } as const;

/** Objects of a backup, below `<folder>/<name>/`. */
export const OBJECTS = {
  /** The key of all the others, behind the passphrase. */
  identity: 'identity.age',
  secrets: 'secrets.json.age',
  settings: 'settings.json.age',
  media: 'media.tar.age',
  /** The manifest that decides. */
  sealedManifest: 'manifest.age',
  /** Written last: with it the backup is complete. Anyone who can read the destination can read it. */
  manifest: 'manifest.json',
} as const;
/** PostgreSQL: a dump of each database for pg_restore. */
export const databaseDump = (database: string): string => `database/${database}.dump.age`;
/** How SQL is compressed, as the ends of names: by gzip or zstd. Readers take both. */
export const SQL_FORMS = ['gz', 'zst'] as const;
export type SqlForm = (typeof SQL_FORMS)[number];
/** MySQL: one dump of all databases, compressed SQL, because they are one moment. */
export const databasesDump = (form: SqlForm): string => `database/all.sql.${form}.age`;

/** Names of backups and of the parts of folders: no dots alone, nothing that a path could misunderstand. */
const PATH_PART = '[A-Za-z0-9][A-Za-z0-9._-]*';
const name = z.string().regex(new RegExp(`^${PATH_PART}$`), 'must be a name such as shop-20260102');
const folder = z
  .string()
  .regex(new RegExp(`^${PATH_PART}(/${PATH_PART})*$`), 'must be a path such as shops/shop');
const seconds = (byDefault: number) => z.coerce.number().int().min(1).max(86_400).default(byDefault);
const flag = z
  .enum(['0', '1', ''])
  .default('0')
  .transform((value) => value === '1');

/** What the operator knows about the stack; the manifest repeats it. None of it is secret. */
export const backupFacts = z.looseObject({
  stack: z.string().optional(),
  namespace: z.string().optional(),
  version: z.string().optional(),
  engine: z.string().optional(),
  shards: z.number().optional(),
  databasePrefix: z.string().optional(),
  /** Masked. */
  number: z.string().optional(),
});

export type BackupFacts = z.output<typeof backupFacts>;

const factsJson = z
  .string()
  .default('{}')
  .transform((text, context) => {
    try {
      return backupFacts.parse(JSON.parse(text));
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JSON object of facts' });
      return z.NEVER;
    }
  });

const destination = z
  .string()
  .regex(/^(file:\/\S*|s3:\/\/[^/\s]+(\/\S*)?)$/, 'must look like file:/destination or s3://bucket/prefix');

/** Variables of the program, besides `WA_DB_*`. Secrets stand in files only. */
export const backupEnvironment = z.object({
  /** Where the backups are: `file:/destination` or `s3://bucket/prefix`. */
  WABA_BACKUP_DESTINATION: destination,
  /** Folder of the stack's backups below the destination. */
  WABA_BACKUP_FOLDER: folder,
  /** Name of the backup; `list` needs none. */
  WABA_BACKUP_NAME: name.optional(),
  /** File with the passphrase; `list` and `remove` need none. */
  WABA_BACKUP_PASSPHRASE_FILE: z.string().min(1).optional(),
  WABA_BACKUP_FACTS: factsJson,
  /** Files `<secret>/<key>`. */
  WABA_BACKUP_SECRETS_FOLDER: z.string().min(1).optional(),
  /** Media to save, or to restore into. */
  WABA_BACKUP_MEDIA_FOLDER: z.string().min(1).optional(),
  /** Folder that the agent shares with the container `dump`. */
  WABA_BACKUP_PIPE: z.string().min(1).default(PIPE_PATH),
  /** How long each container waits for the other one to start, while images are pulled. */
  WABA_BACKUP_START_SECONDS: seconds(600),
  /** How long each container may be silent before the other one takes it for dead. */
  WABA_BACKUP_SILENCE_SECONDS: seconds(60),
  /** `verify` also restores the dumps into databases that it drops again. Without it, it needs no server and no container `dump`. */
  WABA_BACKUP_VERIFY_DATABASES: flag,
  /** `restore` replaces databases that hold tables. */
  WABA_BACKUP_OVERWRITE: flag,
  /** `open` seals what it prints for this key: 32 bytes in base64url. */
  WABA_BACKUP_READER_KEY: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be an X25519 key of 32 bytes in base64url')
    .optional(),
  WABA_S3_ENDPOINT: z.url().optional(),
  WABA_S3_REGION: z.string().min(1).default('us-east-1'),
  WABA_S3_PATH_STYLE: flag,
  WABA_S3_CA_FILE: z.string().min(1).optional(),
  /** Folder with the files accessKeyId, secretAccessKey and, if there is one, sessionToken. */
  WABA_S3_CREDENTIALS_FOLDER: z.string().min(1).optional(),
  /** The stack's API, for the settings; without it the backup has none. */
  WABA_API_URL: z.url({ protocol: /^https$/ }).optional(),
  WABA_API_CA_FILE: z.string().min(1).optional(),
  /** Name that the certificate of the API must carry, if not the host of the URL. */
  WABA_API_SERVER_NAME: z.string().min(1).optional(),
  WABA_API_USER: z.string().min(1).default('admin'),
  WABA_API_PASSWORD_FILE: z.string().min(1).optional(),
  /** Where the result goes besides stdout. */
  WABA_TERMINATION_FILE: z.string().min(1).default('/dev/termination-log'),
});
export type BackupEnvironment = z.output<typeof backupEnvironment>;
export type BackupVariable = keyof BackupEnvironment;

/** Codes of failures, each with what it means. `retriable` failures are worth another Job. */
export const FAILURES = {
  BadEnvironment: 'a variable is missing or wrong',
  BackupExists: 'a complete backup has this name',
  BackupNotFound: 'the destination has no backup of this name',
  BackupIncomplete: 'an object is missing, or manifest.json was never written',
  BackupCorrupted: 'an object differs from what the backup stored',
  BackupTooNew: 'a newer release made the backup',
  PassphraseWrong: 'the passphrase does not open the backup',
  DatabaseUnreachable: 'the database server does not answer or refuses the user',
  DatabaseMissing: 'the server has no database of the stack',
  DatabaseNotEmpty: 'a database to restore into holds tables',
  DumpFailed: "the engine's own tool failed, or its container ended",
  RestoreFailed: "the engine's own tool could not restore a dump, or its result differs",
  MediaUnwritable: 'the media volume has no space left, or refuses the write',
  DestinationFull: 'the destination has no space left',
  DestinationDenied: 'the destination refuses the credentials or the write',
  DestinationUnreachable: 'the destination does not answer',
  DestinationNotFound: 'the bucket or folder does not exist',
  Stopped: 'the program was told to stop',
  Unexpected: 'a failure that this release does not know',
} as const;
export type Failure = keyof typeof FAILURES;

/** A line of `list`, for each backup below the folder. */
export const listedBackup = z.object({
  name: z.string(),
  /** Broken: its manifest.json cannot be read. */
  state: z.enum(['complete', 'incomplete', 'broken']),
  storedBytes: z.number(),
  finishedAt: z.string().optional(),
  warnings: z.array(z.string()).optional(),
  problem: z.string().optional(),
});
export type ListedBackup = z.output<typeof listedBackup>;

/** A line of stdout while the program works. */
export const progressLine = z.object({ object: z.string(), bytes: z.number() });

/** Files that `restore-media` wrote, and those that were there and not older. */
export const restoredMedia = z.object({ restored: z.number(), kept: z.number() });
export type RestoredMedia = z.output<typeof restoredMedia>;

/** The last line of stdout, and the content of the termination file: under 4,096 bytes. */
export const backupResult = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    command: z.string(),
    name: z.string().optional(),
    /** Of the objects, as stored and before encryption. */
    storedBytes: z.number().optional(),
    plainBytes: z.number().optional(),
    durationMs: z.number(),
    /** Databases that were dumped, verified or restored. */
    databases: z.array(z.string()).optional(),
    /** Tables and rows that verify found in the restored databases. */
    tables: z.number().optional(),
    rows: z.number().optional(),
    media: restoredMedia.optional(),
    warnings: z.array(z.string()),
  }),
  z.object({
    ok: z.literal(false),
    command: z.string(),
    name: z.string().optional(),
    code: z.string(),
    message: z.string(),
    retriable: z.boolean(),
    durationMs: z.number(),
  }),
]);
export type BackupResult = z.output<typeof backupResult>;
export const RESULT_LIMIT_BYTES = 4096;
