// Machine code of GPU kernels, as nvdisasm prints it: instructions, loops, and what a loop costs for each load of weights.

/** One instruction: its predicate, its name with all modifiers, and its operands as text. */
export interface Instruction {
  readonly address: number;
  readonly predicate: string;
  readonly opcode: string;
  readonly operands: string;
}

/** A kernel's code in order of addresses; `labels` are addresses of the next instruction. */
export interface Kernel {
  readonly symbol: string;
  readonly name: string;
  readonly code: readonly Instruction[];
  readonly labels: ReadonlyMap<string, number>;
}

/** The instructions from a label to a branch back to it, both ends included, as indices into the code. */
export interface Loop {
  readonly first: number;
  readonly last: number;
}

/** `_ZN5rotor4cuda12_GLOBAL__N_17productILi4ELb1EEEvi` is `product<4,true>`: the last name and its plain template arguments. */
export function kernelName(symbol: string): string {
  let at = symbol.startsWith('_ZN') ? 3 : symbol.startsWith('_Z') ? 2 : symbol.length;
  let name = symbol;
  for (;;) {
    const length = /^\d+/.exec(symbol.slice(at))?.[0];
    if (length === undefined) break;
    at += length.length;
    name = symbol.slice(at, at + Number(length));
    at += Number(length);
  }
  if (symbol[at] !== 'I') return name;
  const given = [...symbol.slice(at).matchAll(/L([a-z])(n?\d+)E/g)];
  const args = given.map(([, type, value]) => (type === 'b' ? String(value === '1') : value.replace('n', '-')));
  return args.length > 0 ? `${name}<${args.join(',')}>` : name;
}

/** All kernels of what `nvdisasm -c` prints. */
export function parseSass(text: string): Kernel[] {
  const kernels: { symbol: string; name: string; code: Instruction[]; labels: Map<string, number> }[] = [];
  let waiting: string[] = [];
  for (const line of text.split('\n')) {
    const section = /^\s*\.section\s+(\S+?)(?:,|\s|$)/.exec(line)?.[1];
    if (section?.startsWith('.text.')) {
      const symbol = section.slice('.text.'.length);
      kernels.push({ symbol, name: kernelName(symbol), code: [], labels: new Map() });
      waiting = [];
      continue;
    }
    const kernel = kernels.at(-1);
    if (kernel === undefined) continue;
    const label = /^(\.L_?[\w$]+):/.exec(line)?.[1];
    if (label !== undefined) waiting.push(label);
    const found = /^\s*\/\*([0-9a-f]{4,})\*\/\s+(?:\{\s*)?(@!?U?P\w+\s+)?([A-Z][\w.]*)\s*([^;]*);/.exec(line);
    if (found === null) continue;
    const address = parseInt(found[1], 16);
    for (const name of waiting) kernel.labels.set(name, address);
    waiting = [];
    kernel.code.push({ address, predicate: (found[2] ?? '').trim(), opcode: found[3], operands: found[4].trim() });
  }
  return kernels;
}

/** Loops by their backward branches, inner ones before those around them. The endless loop of padding after the code is none. */
export function loopsOf(kernel: Kernel): Loop[] {
  const index = new Map(kernel.code.map((x, i) => [x.address, i]));
  const loops: Loop[] = [];
  kernel.code.forEach((x, last) => {
    if (!/^BRA(\.|$)/.test(x.opcode)) return;
    const label = /\(?(\.L_?[\w$]+)\)?/.exec(x.operands)?.[1];
    const first = label === undefined ? undefined : index.get(kernel.labels.get(label) ?? -1);
    if (first !== undefined && first < last) loops.push({ first, last });
  });
  return loops.sort((a, b) => a.last - a.first - (b.last - b.first));
}

/** How many instructions of a kernel, or of one of its loops, match. */
export function count(kernel: Kernel, opcode: RegExp, loop: Loop = { first: 0, last: kernel.code.length - 1 }): number {
  return kernel.code.slice(loop.first, loop.last + 1).filter((x) => opcode.test(x.opcode)).length;
}

/** Streaming loads of sixteen bytes: only weights are read so. */
export const weightLoad = /^LDG\.E\.NA\.128/;

/**
 * Instructions for each load of weights in the innermost loop that has one and also `product`: those of the straight pieces of code that do
 * either, so not the filling of shared memory that is jumped over. Undefined where there is no such loop.
 */
export function costOfWeights(kernel: Kernel, product: RegExp): { each: number; loads: number } | undefined {
  const loop = loopsOf(kernel).find((l) => count(kernel, weightLoad, l) > 0 && count(kernel, product, l) > 0);
  if (loop === undefined) return undefined;
  const starts = new Set(kernel.labels.values());
  const straight: Loop[] = [];
  let first = loop.first;
  for (let i = loop.first; i <= loop.last; i++) {
    const ends = i === loop.last || /^(BRA|EXIT|RET|CALL)/.test(kernel.code[i].opcode);
    if (!ends && !starts.has(kernel.code[i + 1].address)) continue;
    straight.push({ first, last: i });
    first = i + 1;
  }
  const busy = straight.filter((p) => count(kernel, weightLoad, p) + count(kernel, product, p) > 0);
  const loads = count(kernel, weightLoad, loop);
  return { each: busy.reduce((n, p) => n + p.last - p.first + 1, 0) / loads, loads };
}
