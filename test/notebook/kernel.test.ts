import fs from 'node:fs';
import path from 'node:path';
import { transformFileSync } from '@swc/core';
import { TestKernel } from './kernel';

const root = path.resolve(__dirname, '../..');
// Inside the repository, so that a cell finds its packages; ignored by git.
const folder = path.join(root, '.out/test-kernel');

/** Compiles the part of the library that notebooks need, so that this test never meets a stale build. */
function compile(): void {
  for (const part of ['native/errors.ts', 'native/options.ts', ...files('plot'), ...files('notebook')]) {
    const { code } = transformFileSync(path.join(root, 'src', part), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    });
    const out = path.join(folder, 'lib', part.replace(/\.ts$/, '.js'));
    fs.mkdirSync(path.dirname(out), { recursive: true });
    fs.writeFileSync(out, code);
  }
}

function files(part: string): string[] {
  return fs
    .readdirSync(path.join(root, 'src', part), { recursive: true })
    .map((name) => path.join(part, String(name)))
    .filter((name) => name.endsWith('.ts'));
}

const SETUP = `
const plot = require('./lib/plot/index.js');
const nb = require('./lib/notebook/index.js');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

let kernel: TestKernel;

beforeAll(async () => {
  fs.rmSync(folder, { recursive: true, force: true });
  compile();
  kernel = await TestKernel.start(folder);
  const { stderr } = await kernel.run(SETUP);
  expect(stderr).toBe('');
}, 60_000);

afterAll(() => {
  kernel?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

const data = (message: { content: Readonly<Record<string, unknown>> }): Record<string, string> =>
  message.content['data'] as Record<string, string>;

test('the library knows that it is in a notebook', async () => {
  expect((await kernel.run('nb.inNotebook()')).stdout).toBe('true\n');
});

test('a figure is one output in two forms, and plotly comes once', async () => {
  const first = await kernel.run("nb.show(plot.heatmap([[1, -1]], {title: 'first'}))");
  const second = await kernel.run("nb.show(plot.bar([1, 2], {title: 'second'}))");
  const again = await kernel.run("nb.show(plot.heatmap([[1, -1]], {title: 'first'}))");
  const shown = [first, second, again].map(({ displays }) => displays.map(data));
  expect(shown.map((all) => all.length)).toEqual([1, 1, 1]);
  expect(shown.map(([bundle]) => bundle['text/html'].includes('window.Plotly = Plotly'))).toEqual([true, false, true]);
  expect(shown.map(([bundle]) => bundle['text/plain'])).toEqual([
    'Figure "first": heatmap',
    'Figure "second": bar',
    'Figure "first": heatmap',
  ]);
});

test('a figure or table as the last expression prints a line, not its insides', async () => {
  expect((await kernel.run("plot.line([1, 2], {title: 'ramp'})")).stdout).toBe('Figure "ramp": scatter\n');
  expect((await kernel.run('nb.table([{a: 1}])')).stdout).toBe('a\n─\n1\n');
});

test('a progress bar is one output that is updated', async () => {
  const { displays } = await kernel.run(
    "const bar = nb.progress({total: 3000, label: 'work'}); for (let i = 0; i < 3000; i++) bar.tick(); bar.done();",
  );
  expect(displays.map(({ type }) => type)).toEqual(['display_data', 'update_display_data']);
  const ids = displays.map(({ content }) => (content['transient'] as { display_id: string }).display_id);
  expect(new Set(ids).size).toBe(1);
  expect(data(displays[1])['text/plain']).toContain('100 % · 3000/3000');
});

test('a stream is drawn while it runs', async () => {
  const { displays, stdout } = await kernel.run(`
async function* words() { for (let i = 0; i < 30; i++) { yield i + ' '; await sleep(10); } }
const text = await nb.streamText(words());
text.length`);
  expect(stdout).toBe('80\n');
  expect(displays.length).toBeGreaterThan(2);
  expect(displays.length).toBeLessThan(10);
  expect(data(displays[displays.length - 1])['text/plain']).toBe(
    Array.from({ length: 30 }, (_, i) => `${i} `).join(''),
  );
});

test('thousands of lines and displays in one cell all arrive, and the cell ends', async () => {
  const { stdout, displays } = await kernel.run(
    'for (let i = 0; i < 5000; i++) console.log(i); for (let i = 0; i < 1500; i++) nb.show(i);',
  );
  expect(stdout.split('\n')).toHaveLength(5001);
  expect(displays).toHaveLength(1500);
});

test('an interrupt stops the work it was given to, and the next cell works', async () => {
  const long = `
const signal = await nb.interruptSignal();
globalThis.steps = 0; globalThis.ended = false;
const work = (async () => { while (!signal.aborted) { globalThis.steps++; await sleep(5); } globalThis.ended = true; })();
console.log('working');
await work;`;
  const { stderr } = await kernel.run(long, ({ type, content }) => {
    if (type === 'stream' && String(content['text']).includes('working')) kernel.interrupt();
  });
  expect(stderr).toContain('Interrupted');
  const next = await kernel.run(
    "await sleep(50); const before = globalThis.steps; await sleep(100); console.log(globalThis.ended, globalThis.steps === before, process.listenerCount('SIGINT'))",
  );
  // One listener is tslab's own.
  expect(next.stdout).toBe('true true 1\n');
  expect(kernel.exited).toBe(false);
});

test('an interrupt in the cell of withInterrupt leaves the kernel alive', async () => {
  await kernel.run(
    "console.log('go'); await nb.withInterrupt(async (signal) => { while (!signal.aborted) await sleep(5); });",
    ({ type, content }) => {
      if (type === 'stream' && String(content['text']).includes('go')) setTimeout(() => kernel.interrupt(), 100);
    },
  );
  expect((await kernel.run("await sleep(20); console.log('alive', process.listenerCount('SIGINT'))")).stdout).toBe(
    'alive 1\n',
  );
});

test('an error in a display is an ordinary error of the cell', async () => {
  const { stderr } = await kernel.run('nb.show(plot.heatmap([[1], [2, 3]]))');
  expect(stderr).toContain('[heatmap] expected 1 values in every row');
  expect((await kernel.run('1 + 1')).stdout).toBe('2\n');
});
