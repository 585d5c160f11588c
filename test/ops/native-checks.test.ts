import { add, addDef, binaryDefs } from '../../src/ops/binary';
import { runNative } from '../../src/ops/dispatch';
import { randintDef, randomUniformDef } from '../../src/ops/random';
import { cumsumDef, maxDef, sumDef } from '../../src/ops/reduce';
import { clampDef, whereDef } from '../../src/ops/select';
import { negDef } from '../../src/ops/unary';
import type { OpDef } from '../../src/ops/schema';
import { tensor, zeros } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

// The addon checks every record itself: what `infer` would never produce must be an error there, not a crash.
const x = tensor([
  [1, 2],
  [3, 4],
]);
const flag = tensor([true]);

function raw(def: OpDef<never>, inputs: Tensor[], attrs: number[], output: Tensor): () => void {
  return () => runNative({ ...def, encode: () => attrs } as OpDef<unknown>, inputs, {}, [output]);
}

test.each([
  ['output too small', raw(addDef as OpDef<never>, [x, x], [], zeros([2])), 'ROTOR_SHAPE'],
  ['output of another dtype', raw(addDef as OpDef<never>, [x, x], [], zeros([2, 2], { dtype: 'i32' })), 'ROTOR_DTYPE'],
  ['one input only', raw(addDef as OpDef<never>, [x], [], zeros([2, 2])), 'ROTOR_SHAPE'],
  [
    'a bool where numbers belong',
    raw(negDef as OpDef<never>, [flag], [], zeros([1], { dtype: 'bool' })),
    'ROTOR_DTYPE',
  ],
  ['condition of dtype f32', raw(whereDef as OpDef<never>, [x, x, x], [], zeros([2, 2])), 'ROTOR_DTYPE'],
  ['bounds crossed', raw(clampDef as OpDef<never>, [x], [2, 1], zeros([2, 2])), 'ROTOR_OPTION'],
  ['a bound that is NaN', raw(clampDef as OpDef<never>, [x], [NaN, 1], zeros([2, 2])), 'ROTOR_OPTION'],
  ['attributes missing', raw(clampDef as OpDef<never>, [x], [], zeros([2, 2])), 'ROTOR_NATIVE'],
  ['a mask beyond the dimensions', raw(sumDef as OpDef<never>, [x], [4], zeros([2, 2])), 'ROTOR_OPTION'],
  ['a mask that is NaN', raw(sumDef as OpDef<never>, [x], [NaN], zeros([])), 'ROTOR_OPTION'],
  ['a sum of the wrong shape', raw(sumDef as OpDef<never>, [x], [1], zeros([3])), 'ROTOR_SHAPE'],
  ['a maximum of nothing', raw(maxDef as OpDef<never>, [zeros([2, 0])], [2], zeros([2])), 'ROTOR_SHAPE'],
  ['a dimension beyond the last', raw(cumsumDef as OpDef<never>, [x], [2], zeros([2, 2])), 'ROTOR_OPTION'],
  ['a negative seed', raw(randomUniformDef as OpDef<never>, [], [-1, 0, 0, 1], zeros([2])), 'ROTOR_OPTION'],
  [
    'a seed that is infinite',
    raw(randomUniformDef as OpDef<never>, [], [Infinity, 0, 0, 1], zeros([2])),
    'ROTOR_OPTION',
  ],
  ['an empty range', raw(randintDef as OpDef<never>, [], [0, 0, 3, 3], zeros([2], { dtype: 'i32' })), 'ROTOR_OPTION'],
])('%s', (_name, body, code) => {
  expect(body).toThrow(expect.objectContaining({ code }));
  expect(add(x, x).toArray()).toEqual([
    [2, 4],
    [6, 8],
  ]);
});

test('every binary op refuses shapes that do not broadcast and dtypes that differ', () => {
  const dtypeOf = (def: OpDef): 'f32' | 'bool' => (def.name.startsWith('logical') ? 'bool' : 'f32');
  for (const def of binaryDefs) {
    const spec = (shape: number[], dtype: 'f32' | 'bool' | 'i32') => ({ shape, dtype });
    expect(() => def.infer([spec([2], dtypeOf(def)), spec([3], dtypeOf(def))], {})).toThrow(
      `[${def.name}] expected shapes that broadcast`,
    );
    expect(() => def.infer([spec([2], dtypeOf(def)), spec([2], 'i32')], {})).toThrow(
      `[${def.name}] expected equal dtypes`,
    );
    expect(() =>
      def.infer(
        [
          { shape: [2], dtype: 'bf16' },
          { shape: [2], dtype: 'bf16' },
        ],
        {},
      ),
    ).toThrow('received bf16');
  }
});
