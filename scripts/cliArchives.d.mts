interface Archive {
  readonly platform: string;
  readonly file: string;
  readonly name: string;
  readonly sha256: string;
}

export function writeArchive(options: {
  readonly platform: string;
  /** Program of Node.js for the platform. */
  readonly node: string;
  readonly nodeLicence: string;
  readonly version: string;
  /** Where the archive is written. */
  readonly folder: string;
}): Promise<Archive>;
export function krewManifest(version: string, archives: readonly Archive[]): string;
