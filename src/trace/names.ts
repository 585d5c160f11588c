import { OptionError } from '../native/errors';
import { nearestName } from '../native/options';
import type { BitNetConfig } from '../model/config';

/** Which taps to listen to: full names, `*` for any run of characters, or a test; `undefined` is all. */
export type NamesFilter = string | readonly string[] | ((name: string) => boolean) | undefined;

const product = ['hook_in', 'hook_in_q8', 'hook_in_scale', 'hook_acc_i32'];
const norm = ['hook_scale', 'hook_normalized', 'hook_out'];

function within(part: string, names: readonly string[]): string[] {
  return names.map((name) => `${part}.${name}`);
}

// Layers over the same input run as one matrix: their results come together.
function linears(...parts: string[]): string[] {
  return [...parts.flatMap((part) => within(part, product)), ...parts.map((part) => `${part}.hook_out`)];
}

/** Every tap of a model, in the order in which the values come to be. */
export function tapNames(config: Pick<BitNetConfig, 'numHiddenLayers' | 'subNorms'>): string[] {
  const sub = (part: string): string[] => (config.subNorms ? within(`${part}.sub_norm`, norm) : []);
  const block = [
    'hook_resid_pre',
    ...within('ln1', norm),
    ...linears('attn.q', 'attn.k', 'attn.v'),
    ...within('attn', [
      'hook_q',
      'hook_k',
      'hook_v',
      'hook_rot_q',
      'hook_rot_k',
      'hook_attn_scores',
      'hook_pattern',
      'hook_z',
    ]),
    ...sub('attn'),
    ...linears('attn.o'),
    'hook_attn_out',
    'hook_resid_mid',
    ...within('ln2', norm),
    ...linears('mlp.gate', 'mlp.in'),
    ...within('mlp', ['hook_pre', 'hook_pre_linear', 'hook_post']),
    ...sub('mlp'),
    ...linears('mlp.out'),
    'hook_mlp_out',
    'hook_resid_post',
  ];
  const blocks = Array.from({ length: config.numHiddenLayers }, (_, i) => within(`blocks.${i}`, block)).flat();
  return ['hook_embed', ...blocks, ...within('ln_final', norm), 'unembed.hook_out'];
}

/**
 * The taps that a filter means.
 *
 * @throws OptionError if a name or pattern means none: a tap never silently does nothing
 */
export function selectTaps(
  op: string,
  config: Pick<BitNetConfig, 'numHiddenLayers' | 'subNorms'>,
  filter: NamesFilter,
): Set<string> {
  const all = tapNames(config);
  if (filter === undefined) return new Set(all);
  const patterns = typeof filter === 'string' ? [filter] : filter;
  const found =
    typeof patterns === 'function'
      ? all.filter((name) => patterns(name))
      : patterns.flatMap((p) => matches(op, p, all));
  if (found.length === 0)
    throw new OptionError(
      'expected a filter that matches at least one tap, received one that matches none. See tapNames().',
      { op },
    );
  return new Set(found);
}

function matches(op: string, pattern: string, all: readonly string[]): string[] {
  const parts = pattern.split('*').map((s) => s.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  const found = all.filter((name) => expression.test(name));
  if (found.length > 0) return found;
  const near = nearestName(pattern, all);
  throw new OptionError(
    `expected the name of a tap, received "${pattern}". ${near === undefined ? 'See tapNames().' : `Did you mean "${near}"?`}`,
    {
      op,
      details: { pattern },
    },
  );
}

// Where the short names of `cache.get` live in a block.
const homes = ['', 'attn.', 'mlp.'];

/**
 * Full name of a tap from the short form of TransformerLens: `pattern` and layer 0 give `blocks.0.attn.hook_pattern`.
 *
 * @param name a full name, or a short one with or without `hook_`
 * @param layer block that a short name is in; omit it for `embed` and for full names
 * @throws OptionError if no tap has that name
 */
export function fullName(
  config: Pick<BitNetConfig, 'numHiddenLayers' | 'subNorms'>,
  name: string,
  layer?: number,
): string {
  const all = new Set(tapNames(config));
  const prefix = layer === undefined ? '' : `blocks.${layer}.`;
  for (const home of layer === undefined ? [''] : homes) {
    for (const candidate of [`${prefix}${home}${name}`, `${prefix}${home}hook_${name}`])
      if (all.has(candidate)) return candidate;
  }
  const near = nearestName(`${prefix}${name}`, [...all]);
  const where = layer === undefined ? '' : ` in layer ${layer} of ${config.numHiddenLayers}`;
  throw new OptionError(
    `expected the name of a tap, received "${name}"${where}. ${near === undefined ? 'See tapNames().' : `Did you mean "${near}"?`}`,
    {
      op: 'ActivationCache.get',
    },
  );
}
