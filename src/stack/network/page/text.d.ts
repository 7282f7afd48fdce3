/** Files that are served unchanged; the bundler and the test runner import them as text. */
declare module '*.html' {
  const text: string;
  export default text;
}
declare module '*.client.js' {
  const text: string;
  export default text;
}
