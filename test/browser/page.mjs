// Headless Chromium and the few things that the browser checks do in JupyterLab.
import { chromium } from 'playwright-core';
import { which } from '../../.tools/lib/run.mjs';

const quiet = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function findChromium() {
  return process.env.ROTOR_CHROMIUM ?? which('chromium') ?? which('chromium-browser') ?? which('google-chrome');
}

export function launch(executablePath) {
  // As root, as in a container, Chromium refuses to start inside its sandbox.
  const args = process.getuid?.() === 0 ? [...quiet, '--no-sandbox'] : quiet;
  return chromium.launch({ executablePath, args });
}

/** Opens a notebook and waits until all its cells are there. */
export async function openNotebook(browser, url, name, cells) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.goto(`${url}/lab/tree/${name}?reset`);
  await page.waitForFunction((count) => document.querySelectorAll('.jp-Notebook .jp-Cell').length >= count, cells, {
    timeout: 60_000,
  });
  return page;
}

/** A picture of the whole notebook, not only of what fits the window. */
export async function screenshotWhole(page, file) {
  const height = await page.evaluate(() => {
    const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
    return cells.reduce((sum, cell) => sum + cell.getBoundingClientRect().height, 0);
  });
  await page.setViewportSize({ width: 1400, height: Math.min(15_000, Math.ceil(height) + 250) });
  await page.waitForTimeout(500);
  await page.screenshot({ path: file });
}
