/** Files that are served as they are; the bundler and the test runner import them as text. */
declare module '*.html' {
  const text: string;
  export default text;
}
declare module '*.client.js' {
  const text: string;
  export default text;
}
