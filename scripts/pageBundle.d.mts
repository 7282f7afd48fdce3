/** For the test runner. */
export declare const pageBundleForTests: {
  readonly name: string;
  readonly enforce: 'pre';
  resolveId(id: string): string | undefined;
  load(id: string): Promise<string | undefined>;
};
