// What a person does in an open notebook: run a cell that prints a great deal, interrupt a long generation, go on working.
import fs from 'node:fs';
import path from 'node:path';
import { say } from '../../.tools/lib/log.mjs';
import { inRoot, kernelName, relative } from '../../.tools/lib/paths.mjs';
import { openNotebook } from './page.mjs';

const cellLimit = 30_000;
// For 200 ms after a cell that failed, tslab refuses every cell that it is asked to run.
const refusal = 1000;

const sources = [
  `import * as rotor from 'rotor';
import * as notebook from 'rotor/notebook';
const model = await rotor.loadModel(${JSON.stringify(inRoot('models/rotor-tiny'))});
const count = { steps: 0 };
console.log('loaded');`,
  "for (let i = 0; i < 5000; i++) console.log('line', i);\nconsole.log('all printed');",
  `const signal = await notebook.interruptSignal();
const prompt = 'Once upon a time';
while (!signal.aborted) {
  await model.generate(prompt, { maxTokens: 64, ignoreEos: true, signal: signal }).result();
  if (++count.steps % 5 === 0) console.log('generation', count.steps);
}`,
  "const before = count.steps;\nawait new Promise((resolve) => setTimeout(resolve, 1500));\nconsole.log(count.steps === before ? 'stopped' : 'still generating');",
];

function writeNotebook(file) {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    id: `cell-${index}`,
    metadata: {},
    source,
    outputs: [],
    execution_count: null,
  }));
  const metadata = { kernelspec: { name: kernelName, display_name: 'TypeScript (Rotor)', language: 'typescript' } };
  fs.writeFileSync(file, JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
}

const outputOf = (page, index) =>
  page.evaluate(
    (cell) => document.querySelectorAll('.jp-Notebook .jp-Cell')[cell].querySelector('.jp-OutputArea')?.innerText ?? '',
    index,
  );

async function until(page, index, pattern) {
  const limit = performance.now() + cellLimit;
  for (;;) {
    const text = await outputOf(page, index);
    if (pattern.test(text)) return true;
    if (performance.now() > limit) {
      say(`    cell ${index + 1} showed ${JSON.stringify(text.slice(-300))}, expected ${pattern}`);
      return false;
    }
    await page.waitForTimeout(200);
  }
}

/** Gives one boolean for each thing checked. */
export async function checkLive(browser, url, notebooks, home) {
  const name = 'live.ipynb';
  writeNotebook(path.join(notebooks, name));
  const page = await openNotebook(browser, url, name, sources.length);
  // JupyterLab takes keys only once the kernel is there.
  await page.waitForFunction(
    () => /Idle/.test(document.querySelector('.jp-StatusBar-Widget, #jp-main-statusbar')?.textContent ?? ''),
    null,
    {
      timeout: cellLimit,
    },
  );
  const runCell = async (index) => {
    await page.locator('.jp-Notebook .jp-Cell').nth(index).locator('.jp-InputArea-editor').click();
    await page.keyboard.press('Control+Enter');
  };
  const results = [];
  const expect = async (what, index, pattern) => {
    const good = await until(page, index, pattern);
    say(`- live, ${what}: ${good ? 'passed' : 'FAILED'}`);
    results.push(good);
  };

  await runCell(0);
  await expect('a model loads', 0, /loaded/);
  await runCell(1);
  await expect('5,000 printed lines arrive', 1, /line 4999\s+all printed/);
  await runCell(2);
  await expect('a long generation runs', 2, /generation \d/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('i');
  await page.keyboard.press('i');
  await expect('interrupting ends the cell', 2, /interrupt/i);
  await page.waitForTimeout(refusal);
  await runCell(3);
  await expect('the generation has stopped and the next cell works', 3, /^stopped/);

  const picture = path.join(home, 'live.png');
  await page.screenshot({ path: picture });
  say(`    ${relative(picture)}`);
  await page.close();
  return results;
}
