/** A word for a POSIX shell, whatever it contains. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

interface CurlCall {
  readonly method: string;
  /** May begin with a variable: `$API/v1/messages`. */
  readonly url: string;
  /** Further arguments, ready for the shell. */
  readonly extra?: readonly string[];
  readonly body?: unknown;
}

/** A call as a line for a shell. */
export function curl({ method, url, extra = [], body }: CurlCall): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const parts = [
    'curl',
    ...(method === 'GET' ? [] : [`-X ${method}`]),
    urlWord(url),
    ...extra,
    ...(text === undefined ? [] : [`-H 'content-type: application/json'`, `--data-raw ${quoted(text)}`]),
  ];
  return parts.join(' ');
}

/** Only a variable at the beginning counts: whoever calls the API chooses the rest. */
function urlWord(url: string): string {
  const [variable = ''] = /^\$[A-Z]+/.exec(url) ?? [];
  return variable === '' ? quoted(url) : `"${variable}"${quoted(url.slice(variable.length))}`;
}
