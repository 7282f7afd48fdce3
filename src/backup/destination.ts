/** A place for objects, named by paths such as `shops/shop/monday/manifest.json`. Every call may throw the codes of
 * `Destination…` failures. */
export interface Destination {
  /** Stores a stream. Nobody sees the object before all of it is stored; a stream that fails leaves nothing. */
  put(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** The content; undefined if there is no such object. */
  get(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Objects below a folder, in no order. */
  list(folder: string, signal: AbortSignal): AsyncIterable<DestinationObject>;
  /** Succeeds if there is no such object. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** Removes what interrupted writes below a folder left. */
  sweep(folder: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface DestinationObject {
  /** As `get` takes it. */
  readonly path: string;
  readonly bytes: number;
}
