/** Error-Cause (RFC 5176 §3.5): the causes that are given here, by the words of the RFC. */

/** The table. */
export const errorCauses = {
  "residual-session-context-removed": 201,
  "unsupported-attribute": 401,
  "missing-attribute": 402,
  "nas-identification-mismatch": 403,
  "invalid-request": 404,
  "unsupported-service": 405,
  "invalid-attribute-value": 407,
  "session-context-not-found": 503,
} as const;

/** One of them. */
export type ErrorCause = keyof typeof errorCauses;
