import { ShapeError } from '../native/errors';
import { sameShape, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { noise } from './case-data';
import { callOne } from './dispatch';
import type { OpDef, Tolerance } from './schema';
import { touch } from './schema';

function gated(name: string, act: (gate: number) => number, ops: number, tolerance: Tolerance): OpDef {
  return {
    name,
    infer([gate, up]) {
      expectDType(name, 'gate', gate, 'f32');
      expectDType(name, 'up', up, 'f32');
      if (!sameShape(gate.shape, up.shape)) {
        throw new ShapeError(
          `expected gate and up of equal shapes, received ${shapeText(gate.shape)} and ${shapeText(up.shape)}.`,
          { op: name },
        );
      }
      return [{ shape: gate.shape, dtype: 'f32' }];
    },
    reference([gate, up], _attrs, [y]) {
      for (let i = 0; i < y.data.length; i++) y.data[i] = act(gate.data[i]) * up.data[i];
    },
    cost: (inputs, outputs) => ({ ops: ops * sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
    tolerance,
    cases: () =>
      [
        [0, 5],
        [1, 1],
        [3, 37],
        [2, 300],
      ]
        .map((shape) => ({
          name: `shape ${shapeText(shape)}`,
          inputs: [
            { dtype: 'f32' as const, shape, data: noise(sizeOf(shape), 3).map((x) => 8 * x) },
            { dtype: 'f32' as const, shape, data: noise(sizeOf(shape), 4) },
          ],
          attrs: {},
        }))
        .concat({
          name: 'limits',
          inputs: [
            { dtype: 'f32', shape: [7], data: [NaN, 1, -120, Infinity, -0, 120, 1] },
            { dtype: 'f32', shape: [7], data: [1, NaN, 1, 2, 1, -1, Infinity] },
          ],
          attrs: {},
        }),
  };
}

/** `relu2_glu`: `max(gate, 0)² * up`, the gated unit of BitNet b1.58 2B4T (arXiv 2504.12285 §2). NaN stays NaN. */
export const relu2GluDef = gated('relu2_glu', (g) => Math.max(g, 0) ** 2, 3, {
  rel: 2.01 * 2 ** -24,
  why: 'two float32 roundings: square and product',
});

/** `silu_glu`: `gate / (1 + e^-gate) * up` (Shazeer 2020). NaN stays NaN. */
export const siluGluDef = gated('silu_glu', (g) => g / (1 + Math.exp(-g)), 12, {
  rel: 8 * 2 ** -24,
  why: 'exp within 2 ulp (4 roundings), then sum, quotient and product',
});

/**
 * Squared-ReLU gated unit, `max(gate, 0)² * up`.
 *
 * @param gate f32, any shape
 * @param up f32 of the same shape
 */
export function relu2Glu(gate: Tensor, up: Tensor): Tensor {
  return callOne(relu2GluDef, [gate, up], {});
}

/**
 * SiLU gated unit, `gate / (1 + e^-gate) * up`.
 *
 * @param gate f32, any shape
 * @param up f32 of the same shape
 */
export function siluGlu(gate: Tensor, up: Tensor): Tensor {
  return callOne(siluGluDef, [gate, up], {});
}
