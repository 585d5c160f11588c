import { join } from 'node:path';
import { openSafetensors } from '../../src/load/safetensors';
import { readNorm, readScale } from '../../src/load/small-tensors';
import { writeSafetensors } from '../../src/load/write-safetensors';
import { MODELS, rejection, temporaryDirectory } from './fixtures';

const dir = temporaryDirectory();
let count = 0;

async function entry(values: number[]) {
  const path = join(dir, `${count++}.safetensors`);
  await writeSafetensors(path, [{ name: 'x', dtype: 'f32', shape: [values.length], data: Float32Array.from(values) }]);
  return (await openSafetensors(path)).tensors.get('x')!;
}

describe('readScale', () => {
  it('reads the scales of a divide-scale model, which are far above 1', async () => {
    const { tensors } = await openSafetensors(join(MODELS.llama, 'model.safetensors'));
    const scale = await readScale(tensors.get('model.layers.0.self_attn.q_proj.weight_scale')!);
    expect(scale).toBeGreaterThan(30);
    expect(scale).toBeLessThan(50);
  });

  it.each([
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [0, '0'],
    [-0.5, '-0.5'],
  ])('refuses %p', async (value, text) => {
    const error = await rejection(readScale(await entry([value])));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD', op: 'loadWeights', details: { tensor: 'x' } });
    expect(error.message).toContain(`expected x to hold a finite scale above zero, received ${text}, in `);
  });
});

describe('readNorm', () => {
  it('reads values exactly', async () => {
    expect(await readNorm(await entry([1, -2.5, 0]))).toEqual(Float32Array.from([1, -2.5, 0]));
  });

  it.each([[NaN], [-Infinity]])('refuses %p and says where', async (value) => {
    const error = await rejection(readNorm(await entry([1, 2, value])));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD' });
    expect(error.message).toContain(`expected x to hold finite values, received ${value} at index 2`);
  });
});
