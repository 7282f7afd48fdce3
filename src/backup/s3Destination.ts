import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Destination, DestinationObject } from './destination.ts';
import { isMissingObject, s3Failure } from './s3Failure.ts';
import { uploadParts } from './uploadParts.ts';

export interface S3Options {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** Absent: that of AWS. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  /** The bucket stands in the path of requests, as most servers other than AWS need it. */
  readonly pathStyle: boolean;
  readonly caFile?: string | undefined;
  /** Files accessKeyId, secretAccessKey and perhaps sessionToken. */
  readonly credentialsFolder?: string | undefined;
  /** Default: `S3_LIMITS`. */
  readonly limits?: Partial<S3Limits>;
}

const S3_LIMITS = {
  /** S3 takes 10,000 parts of an object: 48 GiB. Two parts are in memory. */
  partBytes: 5 * 1024 * 1024,
  connectTimeoutMs: 10_000,
  /** A request that is silent for so long is tried again. */
  silentMs: 60_000,
  attempts: 6,
  /** Reads that break off go on where they ended, at most so often without a byte. */
  resumes: 5,
} as const;

type S3Limits = Readonly<Record<keyof typeof S3_LIMITS, number>>;

/** Objects in a bucket of AWS or of a server that speaks its protocol. */
export class S3Destination implements Destination {
  readonly #client: S3Client;
  readonly #options: S3Options;
  readonly #limits: S3Limits;
  /** Of uploads that have ended: new ones for each object would be twice as large until they are collected. */
  readonly #buffers: Buffer[][] = [];

  constructor(options: S3Options) {
    this.#options = options;
    this.#limits = { ...S3_LIMITS, ...options.limits };
    const { endpoint, region, pathStyle, caFile, credentialsFolder } = options;
    this.#client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint ? { endpoint } : {}),
      ...(credentialsFolder ? { credentials: () => readCredentials(credentialsFolder) } : {}),
      maxAttempts: this.#limits.attempts,
      // Other servers do not know the newer checksums; every object has its SHA-256 in the manifest.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: this.#limits.connectTimeoutMs,
        socketTimeout: this.#limits.silentMs,
        httpsAgent: new Agent({
          keepAlive: true,
          ...(caFile ? { ca: readFileSync(caFile, 'utf8') } : {}),
        }),
      },
    });
  }

  async put(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const buffers = this.#buffers.pop() ?? [];
    const { partBytes } = this.#limits;
    const send = { client: this.#client, object: this.#object(path), partBytes, buffers };
    await uploadParts(send, content, signal, (error) => this.#worded(error));
    // Not after a failure: a request that was given up may still read them.
    this.#buffers.push(buffers);
  }

  async get(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const first = await this.#open(path, 0, undefined, signal);
    return first && this.#resumed(path, first, signal);
  }

  /** A long read breaks off sooner or later: it goes on with the next byte of the same version. */
  async *#resumed(path: string, first: OpenObject, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let { content } = first;
    let offset = 0;
    for (let failures = 0; ; ) {
      try {
        for await (const bytes of content) {
          offset += bytes.length;
          failures = 0;
          yield bytes;
        }
        if (first.bytes === undefined || offset >= first.bytes) return;
      } catch (error) {
        if (signal.aborted || failures >= this.#limits.resumes) throw this.#worded(error);
      }
      failures++;
      if (failures > this.#limits.resumes)
        throw this.#worded(new Error(`the answer ended after ${offset} bytes`));
      const next = await this.#open(path, offset, first.tag, signal);
      if (!next) throw this.#worded(new Error(`${path} vanished while it was read`));
      ({ content } = next);
    }
  }

  async #open(
    path: string,
    offset: number,
    tag: string | undefined,
    signal: AbortSignal,
  ): Promise<OpenObject | undefined> {
    try {
      const range = offset > 0 ? { Range: `bytes=${offset}-`, ...(tag ? { IfMatch: tag } : {}) } : {};
      const command = new GetObjectCommand({ ...this.#object(path), ...range });
      const answer = await this.#client.send(command, { abortSignal: signal });
      return { content: answer.Body as Readable, bytes: answer.ContentLength, tag: answer.ETag };
    } catch (error) {
      if (isMissingObject(error)) return undefined;
      signal.throwIfAborted();
      throw this.#worded(error);
    }
  }

  async *list(folder: string, signal: AbortSignal): AsyncGenerator<DestinationObject> {
    const { bucket, prefix } = this.#options;
    const root = prefix === '' ? '' : `${prefix}/`;
    const query = { Bucket: bucket, Prefix: `${root}${folder}/` };
    const pages = paginateListObjectsV2({ client: this.#client }, query, { abortSignal: signal });
    try {
      // Some servers list folders too.
      for await (const { Contents: found = [] } of pages)
        for (const { Key: key, Size: bytes = 0 } of found)
          if (key && !key.endsWith('/')) yield { path: key.slice(root.length), bytes };
    } catch (error) {
      signal.throwIfAborted();
      throw this.#worded(error);
    }
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#wording(signal, () =>
      this.#client.send(new DeleteObjectCommand(this.#object(path)), { abortSignal: signal }),
    );
  }

  /** Aborts uploads that a killed agent left: the bucket is charged for their parts. */
  async sweep(folder: string, signal: AbortSignal): Promise<void> {
    const { Bucket, Key } = this.#object(`${folder}/`);
    let page: ListMultipartUploadsCommandOutput | undefined;
    do {
      const query = {
        Bucket,
        Prefix: Key,
        KeyMarker: page?.NextKeyMarker,
        UploadIdMarker: page?.NextUploadIdMarker,
      };
      page = await this.#wording(signal, () =>
        this.#client.send(new ListMultipartUploadsCommand(query), { abortSignal: signal }),
      );
      for (const { Key: key, UploadId } of page.Uploads ?? []) {
        // Some servers ignore the prefix.
        if (!key?.startsWith(Key)) continue;
        await this.#wording(signal, () =>
          this.#client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId }), {
            abortSignal: signal,
          }),
        );
      }
    } while (page.IsTruncated);
  }

  close(): void {
    this.#client.destroy();
  }

  #object(path: string): { Bucket: string; Key: string } {
    const { bucket, prefix } = this.#options;
    return { Bucket: bucket, Key: prefix === '' ? path : `${prefix}/${path}` };
  }

  async #wording<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw this.#worded(error);
    }
  }

  #worded(error: unknown): Error {
    return s3Failure(error, this.#options);
  }
}

interface OpenObject {
  readonly content: AsyncIterable<Uint8Array>;
  readonly bytes: number | undefined;
  readonly tag: string | undefined;
}

async function readCredentials(folder: string) {
  const text = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim();
  const sessionToken = await text('sessionToken').catch(() => '');
  return {
    accessKeyId: await text('accessKeyId'),
    secretAccessKey: await text('secretAccessKey'),
    ...(sessionToken ? { sessionToken } : {}),
  };
}
