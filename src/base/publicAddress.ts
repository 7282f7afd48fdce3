import { BlockList, isIP } from 'node:net';

/** What is not reached over the internet: RFC 6890 and its successors. */
type Reach =
  /** This machine. */
  | 'machine'
  /** The wire of this machine, and in clouds the service that tells about it. */
  | 'link'
  /** Private networks. */
  | 'private'
  /** Nobody, or what is not known here. */
  | 'other';

const RANGES: readonly (readonly [network: string, bits: number, reach: Reach])[] = [
  ['127.0.0.0', 8, 'machine'],
  ['::1', 128, 'machine'],
  ['169.254.0.0', 16, 'link'],
  ['fe80::', 10, 'link'],
  ['10.0.0.0', 8, 'private'],
  ['172.16.0.0', 12, 'private'],
  ['192.168.0.0', 16, 'private'],
  ['fc00::', 7, 'private'],
  ['0.0.0.0', 8, 'other'],
  ['100.64.0.0', 10, 'other'],
  ['192.0.0.0', 24, 'other'],
  ['192.0.2.0', 24, 'other'],
  ['198.18.0.0', 15, 'other'],
  ['198.51.100.0', 24, 'other'],
  ['203.0.113.0', 24, 'other'],
  ['224.0.0.0', 3, 'other'],
  // The unspecified address, and IPv4 addresses in their old form.
  ['::', 96, 'other'],
  // IPv4 behind translators.
  ['64:ff9b::', 32, 'other'],
  ['100::', 64, 'other'],
  ['2001::', 23, 'other'],
  ['2001:db8::', 32, 'other'],
  ['2002::', 16, 'other'],
  ['fec0::', 10, 'other'],
  ['ff00::', 8, 'other'],
];

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Whether an address is in a range of one of these kinds; false for what is no address. */
function isIn(...kinds: readonly Reach[]): (address: string) => boolean {
  const list = new BlockList();
  for (const [network, bits, reach] of RANGES)
    if (kinds.includes(reach)) list.addSubnet(network, bits, familyOf(network));
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

const isNotPublic = isIn('machine', 'link', 'private', 'other');

/** Whether an IP address is one of the internet, and not of this machine or its networks. */
export const isPublicAddress = (address: string): boolean => isIP(address) !== 0 && !isNotPublic(address);

/** Whether an IP address is of this machine or of a private network. */
export const isPrivateAddress = isIn('machine', 'link', 'private');

/** Whether an IP address is of a machine itself, such as the metadata service of a cloud. */
export const isLinkLocal = isIn('link');
