import { concatDef, flipDef } from './concat';
import { binaryDefs } from './binary';
import { castDef } from './cast';
import { attentionDef, attnScoresDef, attnValuesDef } from './attention';
import { copyDef } from './copy';
import { bincountDef, histogramDef } from './count';
import { embeddingDef } from './embedding';
import { randintDef, randomNormalDef, randomUniformDef } from './random';
import { reduceDefs } from './reduce';
import { gatherDef, oneHotDef, takeAlongDimDef } from './gather';
import { linearDef } from './linear';
import { matmulDef } from './matmul';
import { argmaxDef, argminDef, sortDef, topkDef } from './order';
import type { OpDef } from './schema';
import { relu2GluDef, siluGluDef } from './glu';
import { kvAppendDef } from './kv';
import { quantizeActDef } from './quantize';
import { rmsNormDef, rmsScaleDef } from './norm';
import { ropeDef } from './rope';
import { sampleDef } from './sample';
import { softmaxDef } from './softmax';
import { clampDef, whereDef } from './select';
import { rescaleDef, ternaryMatmulDef, ternaryMatmulI32Def } from './ternary';
import { ternaryCountsDef, ternaryFromFloatDef, ternaryFromHfDef, ternaryPackDef, ternaryUnpackDef } from './ternary-pack';
import { unaryDefs } from './unary';

/** Every op, for the generated test matrix and for tools that look an op up by name. */
// The attributes differ from op to op; whoever takes one from here passes them on unchanged.
export const allOps: readonly OpDef<never>[] = [
  copyDef,
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
  ...binaryDefs,
  ...unaryDefs,
  castDef,
  whereDef,
  clampDef,
  ...reduceDefs,
  randomUniformDef,
  randomNormalDef,
  randintDef,
  rmsNormDef,
  rmsScaleDef,
  ropeDef,
  kvAppendDef,
  attentionDef,
  attnScoresDef,
  attnValuesDef,
  relu2GluDef,
  siluGluDef,
  quantizeActDef,
  linearDef,
  ternaryFromHfDef,
  ternaryFromFloatDef,
  ternaryPackDef,
  ternaryUnpackDef,
  ternaryCountsDef,
  ternaryMatmulDef,
  ternaryMatmulI32Def,
  rescaleDef,
  sampleDef,
] as unknown as OpDef<never>[];
