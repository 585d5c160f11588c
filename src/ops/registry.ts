import { addDef } from './binary';
import { concatDef, flipDef } from './concat';
import { copyDef } from './copy';
import { bincountDef, histogramDef } from './count';
import { embeddingDef } from './embedding';
import { gatherDef, oneHotDef, takeAlongDimDef } from './gather';
import { matmulDef } from './matmul';
import { argmaxDef, argminDef, sortDef, topkDef } from './order';
import type { OpDef } from './schema';
import { softmaxDef } from './softmax';

/** Every op, for the generated test matrix and for tools that look an op up by name. */
// The attributes differ from op to op; whoever takes one from here passes them on unchanged.
export const allOps: readonly OpDef<never>[] = [
  copyDef,
  addDef,
  softmaxDef,
  embeddingDef,
  concatDef,
  flipDef,
  gatherDef,
  takeAlongDimDef,
  oneHotDef,
  argmaxDef,
  argminDef,
  sortDef,
  topkDef,
  bincountDef,
  histogramDef,
  matmulDef,
] as unknown as OpDef<never>[];
