import { noise } from './case-data';
import type { OpCase } from './schema';
import type { MatrixAttrs, ProductAttrs } from './ternary';
import { planeBytes, planesOf } from './ternary-planes';

/** Test operands of ternary ops: weights are given as canonical planes, and the test packs them for the variant it runs. */

type Operand = OpCase<unknown>['inputs'][number];

/** About 42 % zeros, as in released models. */
export function trits(count: number, seed: number): number[] {
  return noise(count, seed).map((v) => (Math.abs(v) < 0.42 ? 0 : Math.sign(v)));
}

/** Packed weights, by their values. */
export function packedOperand(values: ArrayLike<number>, rows: number, cols: number): Operand {
  return {
    dtype: 'u8',
    shape: [2 * rows * planeBytes(cols)],
    data: planesOf(values, rows, cols),
    packed: { rows, cols },
  };
}

/** int8 codes with -128 and 127 among them. */
export function codes(count: number, seed: number): number[] {
  return noise(count, seed).map((v, i) => (i % 31 === 0 ? -128 : i % 37 === 0 ? 127 : Math.round(v * 127)));
}

interface Product extends MatrixAttrs {
  readonly name: string;
  readonly tokens: number;
  readonly q8: number[];
  readonly weights: number[];
}

function random(tokens: number, rows: number, cols: number): Product {
  return {
    name: `${tokens} x ${cols} times ${rows} x ${cols}`,
    tokens,
    rows,
    cols,
    q8: codes(tokens * cols, cols + tokens),
    weights: trits(rows * cols, rows),
  };
}

function constant(name: string, tokens: number, rows: number, cols: number, code: number, weight: number): Product {
  return {
    name,
    tokens,
    rows,
    cols,
    q8: new Array<number>(tokens * cols).fill(code),
    weights: new Array<number>(rows * cols).fill(weight),
  };
}

function products(): Product[] {
  return [
    ...[1, 2, 3, 4, 5, 8, 65, 67].map((t) => random(t, 33, 45)),
    ...[1, 2, 5].flatMap((t) => [
      random(t, 1, 1),
      random(t, 31, 7),
      random(t, 64, 16),
      random(t, 40, 256),
      random(t, 70, 259),
    ]),
    // Beyond the blocks of rows and columns that kernels work in.
    random(9, 33, 1300),
    random(16, 50, 33),
    random(17, 100, 700),
    random(50, 130, 300),
    random(258, 35, 70),
    random(1, 32, 4112),
    random(1, 3, 8200),
    random(2, 3, 8200),
    random(5, 3, 8200),
    ...[1, 2, 4].flatMap((t) => [
      constant(`${t} rows, 65536 columns of -128 times -1`, t, 2, 65536, -128, -1),
      constant(`${t} rows, 65536 columns of -128 times +1`, t, 2, 65536, -128, 1),
      constant(`${t} rows, 65536 columns of 127 times +1`, t, 2, 65536, 127, 1),
    ]),
    constant('17 rows, 65536 columns of -128 times +1', 17, 2, 65536, -128, 1),
    constant('all zero weights', 1, 5, 24, -128, 0),
    random(0, 5, 8),
    random(1, 0, 8),
    random(3, 0, 8),
    random(1, 5, 0),
    random(4, 5, 0),
  ];
}

/** Cases of `ternary_matmul_i32`. */
export function sumCases(): OpCase<MatrixAttrs>[] {
  return products().map(({ name, tokens, rows, cols, q8, weights }) => ({
    name,
    inputs: [{ dtype: 'i8', shape: [tokens, cols], data: q8 }, packedOperand(weights, rows, cols)],
    attrs: { rows, cols },
  }));
}

/** Cases of `ternary_matmul`. */
export function productCases(): OpCase<ProductAttrs>[] {
  const scaled = (p: Product, parts: readonly number[], scales?: number[]): OpCase<ProductAttrs> => ({
    name: `${p.name} in parts of ${parts.join(', ')}`,
    inputs: [
      { dtype: 'i8', shape: [p.tokens, p.cols], data: p.q8 },
      { dtype: 'f32', shape: [p.tokens, 1], data: scales ?? noise(p.tokens, 5).map((v) => 30 + v) },
      packedOperand(p.weights, p.rows, p.cols),
      { dtype: 'f32', shape: [p.rows], data: noise(p.rows, 9).map((v) => 1.5 + v) },
    ],
    attrs: { rows: p.rows, cols: p.cols, parts },
  });
  return [
    ...[1, 2, 5, 66].flatMap((t) => [
      scaled(random(t, 75, 45), [75]),
      scaled(random(t, 75, 45), [40, 10, 25]),
      scaled(random(t, 75, 45), [1, 2, 71, 1]),
    ]),
    scaled(random(1, 40, 24), [0, 40, 0]),
    scaled(random(3, 40, 24), [33, 7], [NaN, 3, 12700000]),
    scaled(random(0, 4, 8), [4]),
    scaled(random(2, 4, 0), [4]),
  ];
}

/** Cases of `rescale`. */
export function rescaleCases(): OpCase<Record<string, never>>[] {
  return [
    {
      name: 'rows and columns',
      inputs: [
        { dtype: 'i32', shape: [2, 3], data: [8388608, -8388608, 0, 1, -3, 123457] },
        { dtype: 'f32', shape: [2, 1], data: [31.7, 12700000] },
        { dtype: 'f32', shape: [3], data: [0.02, 1.555, 3] },
      ],
      attrs: {},
    },
    {
      name: 'a row that is not a number',
      inputs: [
        { dtype: 'i32', shape: [2, 1], data: [0, 5] },
        { dtype: 'f32', shape: [2, 1], data: [NaN, 2] },
        { dtype: 'f32', shape: [1], data: [1] },
      ],
      attrs: {},
    },
    {
      name: 'empty',
      inputs: [
        { dtype: 'i32', shape: [0, 3], data: [] },
        { dtype: 'f32', shape: [0, 1], data: [] },
        { dtype: 'f32', shape: [3], data: [1, 2, 3] },
      ],
      attrs: {},
    },
  ];
}
