import { attentionDef, attnScoresDef, attnValuesDef } from './attention';
import { binaryDefs } from './binary';
import { castDef } from './cast';
import { concatDef, flipDef } from './concat';
import { copyDef } from './copy';
import { bincountDef, histogramDef } from './count';
import { embeddingDef } from './embedding';
import { fillDef } from './fill';
import { gatherDef, oneHotDef, takeAlongDimDef } from './gather';
import { relu2GluDef, siluGluDef } from './glu';
import { kvAppendDef } from './kv';
import { linearDef } from './linear';
import { matmulDef } from './matmul';
import { rmsNormDef, rmsScaleDef } from './norm';
import { argmaxDef, argminDef, sortDef, topkDef } from './order';
import { quantizeActDef } from './quantize';
import { randintDef, randomNormalDef, randomUniformDef } from './random';
import { reduceDefs } from './reduce';
import { ropeDef } from './rope';
import { sampleDef } from './sample';
import type { OpDef } from './schema';
import { quantizeRowsDef } from './screen';
import { screenedLinearDef } from './screened-linear';
import { clampDef, whereDef } from './select';
import { logSoftmaxDef, softmaxDef } from './softmax';
import { rescaleDef, ternaryMatmulDef, ternaryMatmulI32Def } from './ternary';
import {
  ternaryCountsDef,
  ternaryFromFloatDef,
  ternaryFromHfDef,
  ternaryPackDef,
  ternaryUnpackDef,
} from './ternary-pack';
import { unaryDefs } from './unary';

/** Every op, for the generated test matrix and for tools that look an op up by name. */
// The attributes differ from op to op; whoever takes one from here passes them on unchanged.
export const allOps: readonly OpDef<never>[] = [
  copyDef,
  softmaxDef,
  logSoftmaxDef,
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
  fillDef,
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
  quantizeRowsDef,
  screenedLinearDef,
] as unknown as OpDef<never>[];
