import fs from 'node:fs';
import path from 'node:path';
import type { Resources } from './machine-code';
import { missing, readKernels, readResources, targets } from './machine-code';
import type { Kernel } from './sass';
import { costOfWeights, count, weightLoad } from './sass';

/** Bytes of local memory a thread that are known, spilled registers among them; every other kernel has none. */
const localMemory: readonly { kernel: RegExp; bytes: number }[] = [
  { kernel: /^mapKernel$/, bytes: 40 },
  { kernel: /^gatherKernel$/, bytes: 8 },
  { kernel: /^(linearFew|boundRows)$/, bytes: 16 },
  { kernel: /^(score|value)Tile$/, bytes: 40 },
];

// On later chips b1 products are emulated, and the kernel is not used.
const withB1 = ['sm_80', 'sm_90a'];
const everywhere = [...targets];

/**
 * Inner loops of products with weights: the instruction that must multiply, and how many instructions sixteen bytes of weights may cost.
 * `predicted` comes from prototypes and counting, before there was a kernel, loops and addresses left out; with `besides`, a kernel that
 * differs by its steps
 * alone, only what more steps cost is counted, so loops are left out as well. Elsewhere the limit leaves room for them.
 */
const products: readonly {
  kernel: string;
  besides?: string;
  on: readonly string[];
  instruction: RegExp;
  predicted?: number;
  atMost: number;
}[] = [
  // A load, half a load of activations for each token, and a product for each.
  { kernel: 'b1Product<1,8>', besides: 'b1Product<1,5>', on: withB1, instruction: /^BMMA/, predicted: 3, atMost: 3 },
  { kernel: 'b1Product<2,8>', besides: 'b1Product<2,5>', on: withB1, instruction: /^BMMA/, predicted: 4, atMost: 4 },
  { kernel: 'b1Product<4,5>', besides: 'b1Product<4,3>', on: withB1, instruction: /^BMMA/, predicted: 7, atMost: 7.5 },
  // Two planes become codes, 12 for both halves; fields are masked in place.
  { kernel: 'immaProduct<1>', on: everywhere, instruction: /^IMMA/, predicted: 35, atMost: 43 },
  { kernel: 'immaProduct<2>', on: everywhere, instruction: /^IMMA/, predicted: 41, atMost: 49 },
  { kernel: 'immaProduct<4>', on: everywhere, instruction: /^IMMA/, predicted: 53, atMost: 65 },
  { kernel: 'dp4aProduct', on: everywhere, instruction: /^IDP\.4A\.U8\.S8/, predicted: 49, atMost: 51 },
  // Many tokens: not bound by what weights cost.
  { kernel: 'gemmProduct<4>', on: everywhere, instruction: /^IMMA/, atMost: 72 },
  { kernel: 'gemmProduct<8>', on: everywhere, instruction: /^IMMA/, atMost: 92 },
  { kernel: 'wgmmaProduct', on: ['sm_90a'], instruction: /^IGMMA/, atMost: 85 },
];

const why = missing();
const suite = why === undefined ? describe : describe.skip;
if (why !== undefined) console.warn(`Machine code of CUDA kernels is not checked: ${why}.`);

function write(name: string, value: unknown): void {
  const file = path.resolve(__dirname, '../../.out', name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

// What each further load of weights costs, from two kernels with different numbers of them in a step.
function moreWeights(kernel: Kernel, other: Kernel, product: RegExp): number | undefined {
  const a = costOfWeights(kernel, product);
  const b = costOfWeights(other, product);
  return a && b && (a.loads * a.each - b.loads * b.each) / (a.loads - b.loads);
}

suite('CUDA kernels as compiled', () => {
  test('every kernel has code for every target, and local memory only where it is known', () => {
    const all = readResources();
    write('cuda-resources.json', all);
    const plain = (x: Resources) => x.name.split('<')[0];
    for (const t of targets) {
      const names = (target: string) => all.filter((x) => x.target === target).map((x) => x.name);
      expect(names(t).length).toBeGreaterThan(0);
      expect(names(t).sort()).toEqual(names(targets[0]).sort());
    }
    const expected = (x: Resources) => localMemory.find((e) => e.kernel.test(plain(x)))?.bytes ?? 0;
    const surprising = all.filter((x) => x.stack > expected(x));
    expect(surprising).toEqual([]);
    expect(all.filter((x) => x.registers > 255 || x.shared > 1024)).toEqual([]);
  });

  test('products with weights: wide loads, the intended instruction, no local memory, and few instructions', () => {
    const files = ['ternary_b1_cu', 'ternary_imma_cu', 'ternary_dp4a_cu', 'ternary_gemm_cu', 'ternary_wgmma_cu'];
    const kernels = readKernels(files);
    const rows = products.flatMap((p) =>
      p.on.map((target) => {
        const named = (name: string) => kernels.get(target)?.find((k) => k.name === name);
        const kernel = named(p.kernel);
        if (kernel === undefined) throw new Error(`${p.kernel} has no code for ${target}`);
        const other = p.besides === undefined ? undefined : named(p.besides);
        return {
          kernel: p.kernel,
          target,
          loads: count(kernel, weightLoad),
          products: count(kernel, p.instruction),
          local: count(kernel, /^(LDL|STL)/),
          predicted: p.predicted,
          found: other ? moreWeights(kernel, other, p.instruction) : costOfWeights(kernel, p.instruction)?.each,
          atMost: p.atMost,
        };
      }),
    );
    write('cuda-machine-code.json', rows);
    const line = (x: (typeof rows)[number]) =>
      `${x.kernel.padEnd(16)} ${x.target.padEnd(7)} predicted ${String(x.predicted ?? '-').padEnd(2)} found ${x.found?.toFixed(2)}`;
    process.stdout.write(`Instructions for 16 bytes of weights a lane:\n  ${rows.map(line).join('\n  ')}\n`);
    for (const x of rows) {
      const { loads, products: made, local, found = Infinity } = x;
      expect({ ...x, ok: loads > 0 && made > 0 && local === 0 && found <= x.atMost }).toEqual({ ...x, ok: true });
    }
  }, 120_000);
});
