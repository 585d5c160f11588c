import { addDef } from './binary';
import { copyDef } from './copy';
import { embeddingDef } from './embedding';
import type { OpDef } from './schema';
import { softmaxDef } from './softmax';

/** Every op, for the generated test matrix and for tools that look an op up by name. */
// The attributes differ from op to op; whoever takes one from here passes them on unchanged.
export const allOps: readonly OpDef<never>[] = [copyDef, addDef, softmaxDef, embeddingDef] as unknown as OpDef<never>[];
