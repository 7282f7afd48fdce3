/** Addresses that the stack or the operator connects to, in expressions that RE2 and JavaScript read alike. */

const LABEL = '[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?';
const HOST = `(${LABEL}(\\.${LABEL})*\\.?|\\[[0-9A-Fa-f:.]+\\])`;
const PORT = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';

/** An HTTPS URL with a host; without spaces, which no client sends as they are. */
export const HTTPS_URL = `^https://([^\\s/?#@]+@)?${HOST}(:${PORT})?([/?#]\\S*)?$`;
/** Where a network process listens. */
export const TCP_ADDRESS = `^tcp://${HOST}:${PORT}$`;
