/** What the browser loads, as texts. Bundlers and the test runner make it with scripts/pageBundle.mjs. */
declare module 'page:bundle' {
  export const html: string;
  export const script: string;
  export const style: string;
}
