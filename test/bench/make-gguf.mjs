// Writes a GGUF file of the shape of a BitNet checkpoint for the peers: TQ2_0 weights with random trits, an F16 embedding, and a
// vocabulary of the right size without words. Speed does not depend on the values; what the model says means nothing.
//
//   node test/bench/make-gguf.mjs --model DIR --out FILE.gguf
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readFlags } from './flags.mjs';

const types = { F32: 0, F16: 1, TQ2_0: 35 };
const kinds = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 };
const alignment = 32;

const u32 = (v) => Buffer.from(Uint32Array.of(v).buffer);
const u64 = (v) => Buffer.from(BigUint64Array.of(BigInt(v)).buffer);
const f32 = (v) => Buffer.from(Float32Array.of(v).buffer);
const text = (s) => Buffer.concat([u64(Buffer.byteLength(s)), Buffer.from(s)]);
const entry = (key, kind, value) => Buffer.concat([text(key), u32(kinds[kind]), value]);
const list = (kind, items) => Buffer.concat([u32(kinds[kind]), u64(items.length), ...items]);

// A repeatable stream of bytes (xorshift).
function randomBytes(count) {
  const out = new Uint8Array(count);
  let s = 0x9e3779b9;
  for (let i = 0; i < count; i++) {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    out[i] = s & 255;
  }
  return out;
}

/** Bytes of one matrix row: blocks of 256 weights, 64 bytes of 2-bit codes 0, 1, 2 and a half-precision scale. */
export function ternaryRow(cols, random) {
  const row = Buffer.alloc((cols / 256) * 66);
  for (let block = 0; block < cols / 256; block++) {
    for (let i = 0; i < 64; i++) {
      const v = random[(block * 64 + i) % random.length];
      row[block * 66 + i] = (v % 3) | (((v >> 2) % 3) << 2) | (((v >> 4) % 3) << 4) | (((v >> 6) % 3) << 6);
    }
    row.writeUInt16LE(0x2e66, block * 66 + 64); // 0.1
  }
  return row;
}

// The 256 byte tokens that a GPT-2 vocabulary must have, then words of no meaning.
function vocabulary(size) {
  const shown = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  const bytes = Array.from({ length: 256 }, (_, b) => String.fromCodePoint(shown(b) ? b : next++));
  return [...bytes, 'Ġt', ...Array.from({ length: size - 257 }, (_, i) => `t${i}x`)];
}

function metadata(config) {
  const arch = 'bitnet';
  const heads = config.num_attention_heads;
  const tokens = vocabulary(config.vocab_size);
  const special = new Set([config.bos_token_id, config.eos_token_id].flat());
  return [
    entry('general.architecture', 'string', text(arch)),
    entry('general.name', 'string', text('random weights of a BitNet shape')),
    entry('general.alignment', 'u32', u32(alignment)),
    ...[
      ['vocab_size', config.vocab_size],
      ['context_length', config.max_position_embeddings],
      ['embedding_length', config.hidden_size],
      ['block_count', config.num_hidden_layers],
      ['feed_forward_length', config.intermediate_size],
      ['rope.dimension_count', config.hidden_size / heads],
      ['attention.head_count', heads],
      ['attention.head_count_kv', config.num_key_value_heads],
    ].map(([key, value]) => entry(`${arch}.${key}`, 'u32', u32(value))),
    entry(`${arch}.attention.layer_norm_rms_epsilon`, 'f32', f32(config.rms_norm_eps)),
    entry(`${arch}.rope.freq_base`, 'f32', f32(config.rope_theta)),
    entry('tokenizer.ggml.model', 'string', text('gpt2')),
    entry('tokenizer.ggml.pre', 'string', text('llama-bpe')),
    entry('tokenizer.ggml.tokens', 'array', list('string', tokens.map(text))),
    entry(
      'tokenizer.ggml.token_type',
      'array',
      list(
        'i32',
        tokens.map((_, i) => u32(special.has(i) ? 3 : 1)),
      ),
    ),
    entry('tokenizer.ggml.merges', 'array', list('string', [text('Ġ t')])),
    entry('tokenizer.ggml.bos_token_id', 'u32', u32(config.bos_token_id)),
    entry('tokenizer.ggml.eos_token_id', 'u32', u32([config.eos_token_id].flat()[0])),
  ];
}

function tensorsOf(config) {
  const [d, f] = [config.hidden_size, config.intermediate_size];
  const kv = (d / config.num_attention_heads) * config.num_key_value_heads;
  const norm = (name, size) => ({ name, dims: [size], type: 'F32', bytes: 4 * size });
  const matrix = (name, cols, rows) => ({ name, dims: [cols, rows], type: 'TQ2_0', bytes: (rows * cols * 66) / 256 });
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, i) => {
    const b = (part) => `blk.${i}.${part}.weight`;
    return [
      norm(b('attn_norm'), d),
      matrix(b('attn_q'), d, d),
      matrix(b('attn_k'), d, kv),
      matrix(b('attn_v'), d, kv),
      norm(b('attn_sub_norm'), d),
      matrix(b('attn_output'), d, d),
      norm(b('ffn_norm'), d),
      matrix(b('ffn_gate'), d, f),
      matrix(b('ffn_up'), d, f),
      norm(b('ffn_sub_norm'), f),
      matrix(b('ffn_down'), f, d),
    ];
  });
  const embed = {
    name: 'token_embd.weight',
    dims: [d, config.vocab_size],
    type: 'F16',
    bytes: 2 * d * config.vocab_size,
  };
  return [embed, ...blocks.flat(), norm('output_norm.weight', d)];
}

/** Writes the file for the `config.json` of `model`. */
export function makeGguf(model, file) {
  const config = JSON.parse(fs.readFileSync(path.join(model, 'config.json'), 'utf8'));
  const tensors = tensorsOf(config);
  const odd = tensors.find((t) => t.type === 'TQ2_0' && t.dims[0] % 256 !== 0);
  if (odd) throw new Error(`expected columns in multiples of 256 for TQ2_0, received ${odd.dims[0]} in ${odd.name}.`);
  const needed = tensors.reduce((sum, t) => sum + t.bytes, 0);
  const { bavail, bsize } = fs.statfsSync(path.dirname(path.resolve(file)));
  if (bavail * bsize < 2 * needed) throw new Error(`expected ${(2 * needed) / 1e9} GB free for ${file}.`);
  const padded = (n) => Math.ceil(n / alignment) * alignment;
  const entries = metadata(config);
  let offset = 0;
  const infos = tensors.map(({ name, dims, type, bytes }) => {
    const info = Buffer.concat([text(name), u32(dims.length), ...dims.map(u64), u32(types[type]), u64(offset)]);
    offset += padded(bytes);
    return info;
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries,
    ...infos,
  ]);
  const fd = fs.openSync(file, 'w');
  try {
    fs.writeSync(fd, Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length)]));
    const random = randomBytes(1 << 16);
    for (const { dims, type, bytes } of tensors) {
      const row = rowOf(type, dims[0], random);
      const many = Buffer.concat(Array.from({ length: Math.min(dims[1] ?? 1, 64) }, () => row));
      for (let done = 0; done < bytes; done += many.length)
        fs.writeSync(fd, many, 0, Math.min(many.length, bytes - done));
      fs.writeSync(fd, Buffer.alloc(padded(bytes) - bytes));
    }
  } finally {
    fs.closeSync(fd);
  }
}

function rowOf(type, cols, random) {
  if (type === 'TQ2_0') return ternaryRow(cols, random);
  if (type === 'F32') return Buffer.from(new Float32Array(cols).fill(1).buffer);
  // Halves from 2^-7 to 2^-3 of either sign.
  return Buffer.from(
    Uint16Array.from({ length: cols }, (_, i) => {
      const [a, b] = [random[(2 * i) % random.length], random[(2 * i + 1) % random.length]];
      return ((a & 128) << 8) | ((8 + (a % 4)) << 10) | (b << 2);
    }).buffer,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { model, out } = readFlags(process.argv.slice(2), { model: 'text', out: 'text' });
  makeGguf(model, out);
  console.log(`${out}: ${(fs.statSync(out).size / 1e6).toFixed(1)} MB`);
}
