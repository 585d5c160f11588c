// The main job: executes the notebooks on the bundled model and prints what they generated and measured.
import fs from 'node:fs';
import { walk } from './lib/files.mjs';
import { runMain, say, seconds, ToolError } from './lib/log.mjs';
import { inRoot, relative } from './lib/paths.mjs';
import { executeNotebook } from './notebooks/execute.mjs';
import { taggedText } from './notebooks/outputs.mjs';
import { setup } from './setup.mjs';
import { jupyterMust } from './steps/jupyter.mjs';

const model = inRoot('models/rotor-tiny');

function print(title, texts) {
  if (texts.length === 0)
    throw new ToolError(`No notebook printed a ${title.toLowerCase()}; its cells should carry the tag.`);
  say(`\n${title}\n${'-'.repeat(title.length)}\n${texts.join('\n\n')}`);
}

await runMain(async () => {
  const start = performance.now();
  const tools = await setup();
  const sources = walk(inRoot('notebooks'), (name) => /^\d\d-.*\.ipynb$/.test(name));
  if (sources.length === 0) throw new ToolError('There are no notebooks in notebooks/.');
  // The start always uses the bundled model, whatever the shell exports, so that its figures can be compared.
  const env = { ...tools.env, ROTOR_MODEL: model };
  const results = [];
  for (const source of sources) results.push(await executeNotebook(source, { ...tools, env }));
  // Executed here by this person: Jupyter may show their scripts.
  await jupyterMust(tools, ['trust', ...results.map((result) => result.notebook)], 'jupyter trust failed');

  const notebooks = results.map((result) => JSON.parse(fs.readFileSync(result.notebook, 'utf8')));
  print(
    'Generated text',
    notebooks.flatMap((notebook) => taggedText(notebook, 'rotor-text')),
  );
  print(
    'Measured',
    notebooks.flatMap((notebook) => taggedText(notebook, 'rotor-table')),
  );
  say('\nExecuted notebooks and their HTML');
  for (const { notebook, html } of results) say(`  ${relative(notebook)}  ${relative(html)}`);
  say(`\nDone in ${seconds(start)}. To work in them: npm run lab`);
});
