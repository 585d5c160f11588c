import { binaryDefs } from './binary';
import { castDef } from './cast';
import { attentionDef, attnScoresDef, attnValuesDef } from './attention';
import { copyDef } from './copy';
import { embeddingDef } from './embedding';
import { randintDef, randomNormalDef, randomUniformDef } from './random';
import { reduceDefs } from './reduce';
import { relu2GluDef, siluGluDef } from './glu';
import { kvAppendDef } from './kv';
import { rmsNormDef, rmsScaleDef } from './norm';
import { ropeDef } from './rope';
import { softmaxDef } from './softmax';
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
  ...reduceDefs,
  randomUniformDef,
  randomNormalDef,
  randintDef,
  softmaxDef,
  embeddingDef,
  rmsNormDef,
  rmsScaleDef,
  ropeDef,
  kvAppendDef,
  attentionDef,
  attnScoresDef,
  attnValuesDef,
  relu2GluDef,
  siluGluDef,
] as unknown as OpDef<never>[];
