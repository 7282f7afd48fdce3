/** Splits a `WABA_NETWORK_URL`. @throws Error with the expected form */
export function parseNetworkUrl(url: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(url);
  if (protocol !== 'tcp:' || !port) throw new Error(`WABA_NETWORK_URL must be tcp://host:port, not ${url}`);
  return { host: hostname, port: Number(port) };
}
