import { binaryDefs } from './binary';
import { castDef } from './cast';
import { copyDef } from './copy';
import type { OpDef } from './schema';
import { clampDef, whereDef } from './select';
import { unaryDefs } from './unary';

/** Every op, for the generated test matrix and for tools that look an op up by name. */
// The attributes differ from op to op; whoever takes one from here passes them on unchanged.
export const allOps: readonly OpDef<never>[] = [
  copyDef,
  ...binaryDefs,
  ...unaryDefs,
  castDef,
  whereDef,
  clampDef,
] as unknown as OpDef<never>[];
