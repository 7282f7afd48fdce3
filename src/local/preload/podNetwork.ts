// Preloaded (`--require`) into every Node.js process of a pod on the process node. Such a pod shares the network of the
// machine, so this file provides what a network namespace would: a server on "any" address listens on the address of the
// pod, low ports work for ordinary users, and names of Services resolve. Programs need no change.
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import net from 'node:net';

const podAddress = process.env.WABA_LOCAL_POD_IP;
const hostsFile = process.env.WABA_LOCAL_HOSTS;
const lowPortOffset = Number(process.env.WABA_LOCAL_LOW_PORT_OFFSET ?? 0);

const ANY = new Set([undefined, '', '0.0.0.0', '::', 'any']);
const isClusterAddress = (host: unknown): boolean =>
  typeof host === 'string' && /^127\.(9[6-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])\./.test(host);
/** The port that serves a low port of a pod or Service, where this user may not bind low ports. */
const shifted = (port: number): number => (port > 0 && port < 1024 ? port + lowPortOffset : port);

type ListenOptions = net.ListenOptions & { port?: number; host?: string };
type Loose = (...args: unknown[]) => unknown;

if (podAddress) {
  const listen = net.Server.prototype.listen as unknown as Loose;
  (net.Server.prototype as unknown as { listen: Loose }).listen = function (this: net.Server, ...args) {
    const [first, second, ...rest] = args;
    if (typeof first === 'object' && first !== null && (first as ListenOptions).port !== undefined) {
      const options = first as ListenOptions;
      return listen.call(
        this,
        {
          ...options,
          port: shifted(Number(options.port)),
          host: ANY.has(options.host) ? podAddress : options.host,
        },
        ...args.slice(1),
      );
    }
    if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
      const host = typeof second === 'string' ? second : undefined;
      const others = typeof second === 'string' ? rest : args.slice(1);
      return listen.call(this, shifted(Number(first)), ANY.has(host) ? podAddress : host, ...others);
    }
    return listen.call(this, ...args);
  };
}

if (hostsFile) {
  const lookup = dns.lookup as unknown as Loose;
  (dns as unknown as { lookup: Loose }).lookup = (hostname, options, callback) => {
    const done = (typeof options === 'function' ? options : callback) as (...result: unknown[]) => void;
    const address = addressOf(String(hostname));
    if (address === undefined) return lookup(hostname, options, callback);
    const all = typeof options === 'object' && (options as dns.LookupOptions | null)?.all;
    return process.nextTick(() => (all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)));
  };
}

if (lowPortOffset > 0) {
  const connect = net.Socket.prototype.connect as unknown as Loose;
  (net.Socket.prototype as unknown as { connect: Loose }).connect = function (this: net.Socket, ...args) {
    // net.connect passes its normalised arguments as one array.
    const target = (Array.isArray(args[0]) ? args[0][0] : args[0]) as
      | { port?: number; host?: string }
      | undefined;
    const needsShift = typeof target === 'object' && target?.port !== undefined && Number(target.port) < 1024;
    if (needsShift) {
      const host = target.host ?? 'localhost';
      const address = isClusterAddress(host) ? host : addressOf(host);
      if (isClusterAddress(address)) target.port = shifted(Number(target.port));
    }
    return connect.apply(this, args);
  };
}

/** The process node rewrites the hosts file whenever Services change, so each look-up reads it. */
function addressOf(name: string): string | undefined {
  try {
    return readFileSync(hostsFile ?? '', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([, ...names]) => names.includes(name))?.[0];
  } catch {
    return undefined;
  }
}
