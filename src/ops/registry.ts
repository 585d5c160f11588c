import { attentionDef, attnScoresDef, attnValuesDef } from './attention';
import { addDef } from './binary';
import { copyDef } from './copy';
import { embeddingDef } from './embedding';
import { relu2GluDef, siluGluDef } from './glu';
import { kvAppendDef } from './kv';
import { rmsNormDef, rmsScaleDef } from './norm';
import { ropeDef } from './rope';
import { sampleDef } from './sample';
import { softmaxDef } from './softmax';
import type { OpDef } from './schema';

/** Every op, for the generated test matrix and for tools that look an op up by name. */
// The attributes differ from op to op; whoever takes one from here passes them on unchanged.
export const allOps: readonly OpDef<never>[] = [
  copyDef,
  addDef,
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
  sampleDef,
] as unknown as OpDef<never>[];
