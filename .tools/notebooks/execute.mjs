// Executes one notebook with our kernel through nbconvert, with a line of progress now and then, and converts the result to HTML.
import fs from 'node:fs';
import path from 'node:path';
import { step, ToolError } from '../lib/log.mjs';
import { executedDir, inRoot, kernelName, relative } from '../lib/paths.mjs';
import { run } from '../lib/run.mjs';
import { jupyterMust } from '../steps/jupyter.mjs';

const cellTimeoutSeconds = 300;
const marker = '@rotor ';

/** The text shown for a failing cell: which one, its code, and what the kernel said. */
export function cellFailure(notebook, { cell, source, text }) {
  const indented = source.replace(/^/gm, '    ');
  return `${notebook}: cell ${cell + 1} failed.\n\n${indented}\n\n${text.trim() || '(the kernel gave no text)'}`;
}

function codeCells(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8')).cells.filter((cell) => cell.cell_type === 'code').length;
}

/** Gives `{ notebook, html }`, the paths of the executed notebook and of its HTML. */
export async function executeNotebook(source, tools) {
  const name = path.basename(source);
  const executed = path.join(executedDir, name);
  const html = executed.replace(/\.ipynb$/, '.html');
  fs.mkdirSync(executedDir, { recursive: true });
  for (const file of [executed, html]) fs.rmSync(file, { force: true });

  await step(`notebook ${relative(source)}`, async () => {
    const total = codeCells(source);
    let done = 0;
    let failure;
    let told = performance.now();
    const onLine = (line) => {
      if (!line.startsWith(marker)) return;
      const event = JSON.parse(line.slice(marker.length));
      if (event.event === 'fail') failure = event;
      if (event.event !== 'end') return;
      done++;
      if (performance.now() - told > 5000) {
        told = performance.now();
        process.stdout.write(`  ${done} of ${total} cells\n`);
      }
    };
    const args = [
      'nbconvert',
      ...['--config', inRoot('.tools/notebooks/nbconvert_config.py'), '--log-level', 'WARN'],
      ...['--to', 'notebook', '--execute', '--output-dir', executedDir],
      `--ExecutePreprocessor.kernel_name=${kernelName}`,
      `--ExecutePreprocessor.timeout=${cellTimeoutSeconds}`,
      source,
    ];
    const { code, output } = await run(tools.jupyter, args, { env: tools.env, onLine });
    if (failure) throw new ToolError(cellFailure(name, failure));
    if (code !== 0 || !fs.existsSync(executed)) {
      const rest = output.split('\n').filter((line) => !line.startsWith(marker));
      throw new ToolError(`${name} could not be executed:\n\n${rest.slice(-25).join('\n')}`);
    }
    return `${total} cells`;
  });
  const config = ['--config', inRoot('.tools/notebooks/nbconvert_config.py'), '--log-level', 'ERROR'];
  await jupyterMust(tools, ['nbconvert', ...config, '--to', 'html', executed], `${name} could not be converted to HTML`);
  return { notebook: executed, html };
}
