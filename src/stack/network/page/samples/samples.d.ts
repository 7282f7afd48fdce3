/** Media in base64: the bundler reads the files. */
declare module '*.jpg' {
  const base64: string;
  export default base64;
}
declare module '*.webp' {
  const base64: string;
  export default base64;
}
declare module '*.ogg' {
  const base64: string;
  export default base64;
}
declare module '*.mp3' {
  const base64: string;
  export default base64;
}
declare module '*.mp4' {
  const base64: string;
  export default base64;
}
declare module '*.pdf' {
  const base64: string;
  export default base64;
}
