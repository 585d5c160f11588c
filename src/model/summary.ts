import { table } from '../program/format';
import type { BitNet } from './bitnet';
import { matricesOf, memoryOf } from './matrices';

/** A table of the ternary matrices with the number of weights of each value, and what all parts of the model take in memory. */
export function summarize(model: BitNet): string {
  const { config, weights } = model;
  const matrices = matricesOf(model).map((m) => ({ name: m.name, rows: m.rows, cols: m.cols, ...m.counts() }));
  const percent = (n: number, m: { rows: number; cols: number }): string => ((100 * n) / (m.rows * m.cols)).toFixed(1);
  const rows = matrices.map((m) => [
    m.name,
    `${m.rows}x${m.cols}`,
    percent(m.minus, m),
    percent(m.zero, m),
    percent(m.plus, m),
    String(m.deadRows),
  ]);
  const ternary = matrices.reduce((sum, m) => sum + m.rows * m.cols, 0);
  const tables = weights.embed.size + (weights.head === weights.embed ? 0 : weights.head.size);
  const memory = memoryOf(model);
  const { blocks } = weights;
  const neurons = blocks.length * config.intermediateSize;
  const dropped = blocks.reduce(
    (n, { mlp: { live } }) => n + (live === undefined ? 0 : live.width - live.down.cols),
    0,
  );
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
  const million = (n: number): string => `${(n / 1e6).toFixed(2)} M`;
  return [
    `${config.architecture}: ${config.numHiddenLayers} layers, width ${config.hiddenSize}, feed-forward ${config.intermediateSize}, ` +
      `${config.numAttentionHeads} heads and ${config.numKeyValueHeads} key/value heads of ${config.headDim}, ` +
      `${config.vocabSize} tokens, context ${config.maxPositionEmbeddings}`,
    `${million(ternary)} ternary weights in ${mb(memory.ternary)} (${((8 * memory.ternary) / ternary).toFixed(2)} bits each), ` +
      `${million(tables)} in ${weights.head === weights.embed ? 'the embedding, which is also the head' : 'embedding and head'}: ${mb(memory.embedding)}` +
      (memory.screen > 0 ? `, and an int8 copy of the head: ${mb(memory.screen)}` : ''),
    ...(dropped === 0 ? [] : [`${dropped} of ${neurons} feed-forward neurons always give 0 and are set aside`]),
    table(['matrix', 'shape', '% -1', '% 0', '% +1', 'dead rows'], rows),
  ].join('\n');
}
