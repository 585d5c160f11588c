import { callTool } from './call-tool';

const problems = (file: string, source: string) =>
  callTool('checks/layers.mjs', 'layerProblems', file, source) as string[];

describe('dependency direction', () => {
  test('an import from a lower layer or from beside is fine', () => {
    const source =
      "import { Tensor } from '../tensor/tensor';\nimport type { A } from './a';\nimport fs from 'node:fs';";
    expect(problems('ops/matmul.ts', source)).toEqual([]);
  });

  test('an import from a higher layer is named with what is allowed', () => {
    expect(problems('tensor/tensor.ts', "import { call } from '../ops/dispatch';")).toEqual([
      'src/tensor/tensor.ts: imports ../ops/dispatch, but tensor/ may import only native',
    ]);
  });

  test('type imports, re-exports, require and import() count too; comments do not', () => {
    const source = [
      "import type { Model } from '../model/model';",
      "export * from '../nn/block';",
      "const a = require('../load/load');",
      "const b = import('../cli/run');",
      "// import x from '../bench/bench';",
      "/* import y from '../bench/bench'; */",
    ].join('\n');
    expect(problems('ops/matmul.ts', source).map((line) => / imports (\S+),/.exec(line)?.[1])).toEqual([
      '../model/model',
      '../nn/block',
      '../load/load',
      '../cli/run',
    ]);
  });

  test('an import over several lines is seen', () => {
    expect(problems('native/addon.ts', "import {\n  a,\n  b,\n} from '../tensor/tensor';")).toHaveLength(1);
  });

  test('text may import the error classes and nothing else of native', () => {
    const source = "import { LoadError } from '../native/errors';\nimport { addon } from '../native/addon';";
    expect(problems('text/tokenizer.ts', source)).toEqual([
      'src/text/tokenizer.ts: imports ../native/addon, but text/ may import only native/errors, native/options',
    ]);
  });

  test('generate knows no text, and plot is pure', () => {
    expect(problems('generate/generate.ts', "import { Tokenizer } from '../text/tokenizer';")).toHaveLength(1);
    expect(problems('plot/heatmap.ts', "import fs from 'node:fs';")).toEqual([
      'src/plot/heatmap.ts: plot/ is pure and may not import node:fs',
    ]);
  });

  test('the index may import every folder, other places nothing without a rule', () => {
    expect(problems('index.ts', "export * from './notebook/index';\nexport * from './tensor/tensor';")).toEqual([]);
    expect(problems('nowhere/a.ts', '')).toHaveLength(1);
    expect(problems('extra.ts', '')).toHaveLength(1);
    expect(problems('ops/a.ts', "import x from '../../test/x';")).toEqual([
      'src/ops/a.ts: imports ../../test/x, outside src/',
    ]);
  });

  test('only notebook/ knows tslab', () => {
    expect(problems('notebook/kernel.ts', 'globalThis.__tslab__')).toEqual([]);
    expect(problems('bench/run.ts', 'globalThis.__tslab__')).toEqual([
      'src/bench/run.ts: only notebook/ may know tslab',
    ]);
    expect(problems('notebook/kernel.ts', "import * as tslab from 'tslab';")).toHaveLength(1);
  });
});

describe('file length and names', () => {
  const check = (file: string, text: string) => callTool('checks/files.mjs', 'fileProblems', file, text);

  test('500 lines pass, 501 do not', () => {
    expect(check('src/a.ts', 'x\n'.repeat(500))).toEqual([]);
    expect(check('src/a.ts', 'x\n'.repeat(501))).toEqual(['src/a.ts: 501 lines, 500 at most']);
    expect(check('src/a.ts', `${'x\n'.repeat(500)}x`)).toEqual(['src/a.ts: 501 lines, 500 at most']);
  });

  test('names', () => {
    expect(check('src/plot/bit-planes.ts', '')).toEqual([]);
    expect(check('test/plot/bit-planes.test.ts', '')).toEqual([]);
    expect(check('src/plot/bitPlanes.ts', '')).toEqual(['src/plot/bitPlanes.ts: the name should be kebab-case']);
    expect(check('cpp/thread_pool.cc', '')).toEqual([]);
    expect(check('cpp/ThreadPool.cc', '')).toEqual(['cpp/ThreadPool.cc: the name should be snake_case']);
  });
});

describe('notebooks', () => {
  const markdown = { cell_type: 'markdown', source: '# Load' };
  const code = (source: string | string[], more: object = {}) => ({
    cell_type: 'code',
    source,
    outputs: [],
    execution_count: null,
    ...more,
  });
  const model = code(["const modelPath = process.env.ROTOR_MODEL ?? '../models/rotor-tiny';\n", 'console.log(1)']);
  const check = (cells: object[], kernel = 'rotor') =>
    callTool('checks/notebooks.mjs', 'notebookProblems', 'a.ipynb', {
      cells,
      metadata: { kernelspec: { name: kernel } },
    });

  test('prose, code, no outputs', () => {
    expect(check([markdown, model, markdown, code('1')])).toEqual([]);
  });

  test('each fault is named with its cell', () => {
    expect(check([markdown, model], 'tslab')).toEqual(['a.ipynb: its kernel is tslab, expected rotor']);
    expect(check([markdown, model, code('1')])).toEqual(['a.ipynb: code cell 3 has no prose before it']);
    expect(check([markdown, code('1')])).toEqual(['a.ipynb: 0 cells set modelPath from ROTOR_MODEL, expected one']);
    expect(check([markdown, model, markdown, code('1', { outputs: [{}], execution_count: 4 })])).toEqual([
      'a.ipynb: cell 4 has outputs; commit notebooks without them',
      'a.ipynb: cell 4 has an execution count; it should be null',
    ]);
  });
});
