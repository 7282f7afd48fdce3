/**
 * On-Premises codes of failures as the Cloud API tells them: the inverse of docs/onprem/cloud-migration.md §10. What the
 * simulation decides is decided once, in On-Premises codes.
 */
const CLOUD_CODES: Readonly<Record<number, number>> = {
  400: 131052,
  402: 131042,
  408: 131000,
  410: 131026,
  429: 130429,
  430: 131045,
  432: 131045,
  433: 131045,
  470: 131047,
  471: 131048,
  472: 130472,
  480: 137000,
  500: 131000,
  501: 131051,
  1001: 100,
  1002: 131009,
  1005: 131005,
  1006: 100,
  1008: 131008,
  1009: 131009,
  1010: 131009,
  1011: 131016,
  1013: 131026,
  1015: 130429,
  1016: 131016,
  1021: 131021,
  1025: 131009,
  1026: 131026,
  1028: 137000,
  1031: 131031,
  2000: 132000,
  2001: 132001,
  2004: 132005,
  2005: 132005,
  2006: 132007,
  2012: 132012,
  2060: 132001,
  2061: 132015,
  2062: 132016,
};

/** Cloud codes stay as they are. Those of shapes without a counterpart are of a wrong parameter. */
export const cloudCode = (code: number): number =>
  CLOUD_CODES[code] ?? (code >= 2000 && code < 3000 ? 131009 : code >= 100_000 ? code : 131000);
