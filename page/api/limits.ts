/** Limits that the page and the API share. Apart from the schemas, so that the page does not load a validator. */

/** Most characters of a reason that a person gives. */
export const REASON_LENGTH = 500;

/** Most sites whose curves are read at once: each of their rounds is a request to the storage. */
export const CURVES = 24;
