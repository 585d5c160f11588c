// Opens every executed notebook in JupyterLab in headless Chromium, first untrusted (scripts stripped: the static pictures must
// show), then trusted (plotly must draw each figure). Screenshots go to .out/browser. Run npm start first.
import fs from 'node:fs';
import path from 'node:path';
import { walk } from '../../.tools/lib/files.mjs';
import { runMain, say, ToolError } from '../../.tools/lib/log.mjs';
import { executedDir, out, relative } from '../../.tools/lib/paths.mjs';
import { must } from '../../.tools/lib/run.mjs';
import { setup } from '../../.tools/setup.mjs';
import { countFigures, seenFigures } from './figures.mjs';
import { checkLive } from './live.mjs';
import { findChromium, launch, openNotebook, screenshotWhole } from './page.mjs';
import { startLab } from './server.mjs';

const home = path.join(out, 'browser');
const settleLimit = 20_000;

/** Waits until the page shows what is expected or the time is over; gives what it shows then. */
async function settle(page, good) {
  const limit = performance.now() + settleLimit;
  for (;;) {
    const seen = await seenFigures(page);
    if (good(seen) || performance.now() > limit) return seen;
    await page.waitForTimeout(300);
  }
}

async function checkNotebook(browser, url, file, trusted) {
  const notebook = JSON.parse(fs.readFileSync(file, 'utf8'));
  const expected = countFigures(notebook);
  const name = path.basename(file);
  const how = trusted ? 'trusted' : 'untrusted';
  const page = await openNotebook(browser, url, name, notebook.cells.length);
  const good = (seen) => seen.errors.length === 0 && (trusted ? seen.drawn : seen.pictures) === expected;
  const seen = await settle(page, good);
  const picture = path.join(home, `${path.basename(name, '.ipynb')}-${how}.png`);
  await screenshotWhole(page, picture);
  await page.close();
  const shown = trusted ? `${seen.drawn} drawn by plotly` : `${seen.pictures} static pictures`;
  say(`- ${name}, ${how}: ${good(seen) ? 'passed' : 'FAILED'} (${expected} figures, ${shown}; ${relative(picture)})`);
  seen.errors.forEach((error) => say(`    ${error.slice(0, 300)}`));
  return good(seen);
}

await runMain(async () => {
  const executable = findChromium();
  if (!executable) {
    say('Skipped: Chromium was not found. Debian and Ubuntu: apt-get install chromium');
    say('0 passed, 0 failed, 1 skipped');
    return 0;
  }
  const tools = await setup();
  const executed = walk(executedDir, (name) => name.endsWith('.ipynb'));
  if (executed.length === 0) throw new ToolError('There are no executed notebooks yet: run npm start first.');
  fs.rmSync(home, { recursive: true, force: true });
  const notebooks = path.join(home, 'notebooks');
  fs.mkdirSync(notebooks, { recursive: true });
  const files = executed.map((file) => {
    const copy = path.join(notebooks, path.basename(file));
    fs.copyFileSync(file, copy);
    return copy;
  });

  const results = [];
  const lab = await startLab({ ...tools, home, notebooks });
  const browser = await launch(executable);
  try {
    for (const trusted of [false, true]) {
      if (trusted) await must(tools.jupyter, ['trust', ...files], 'jupyter trust failed', { env: lab.env });
      for (const file of files) results.push(await checkNotebook(browser, lab.url, file, trusted));
    }
    results.push(...(await checkLive(browser, lab.url, notebooks, home)));
  } finally {
    await browser.close();
    await lab.stop();
  }
  const passed = results.filter(Boolean).length;
  say(`${passed} passed, ${results.length - passed} failed, 0 skipped`);
  return passed === results.length ? 0 : 1;
});
