/**
 * Layout of a record, one op call as plain data. Mirrors `cpp/abi.h`; `deviceInfo` compares the versions.
 */
export const abiVersion = 2;

export const maxDims = 6;
export const maxInputs = 8;
export const maxOutputs = 4;
export const maxAttrs = 16;

/** Bytes of one record. */
export const recordBytes = 1008;
/** Bytes of one tensor description inside a record. */
export const descBytes = 72;
/** Byte offset of the attributes (f64). */
export const attrsOffset = 16;
/** Byte offset of the first input's description; outputs follow after `maxInputs` of them. */
export const descsOffset = attrsOffset + 8 * maxAttrs;
