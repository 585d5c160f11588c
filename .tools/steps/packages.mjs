// npm packages, and the link that lets notebooks and examples say require('rotor').
import fs from 'node:fs';
import { readText } from '../lib/files.mjs';
import { step, ToolError } from '../lib/log.mjs';
import { inRoot } from '../lib/paths.mjs';
import { must, which } from '../lib/run.mjs';

/** True when everything that package-lock.json asks for on this platform is what npm last installed. */
export function packagesInstalled(lockText, installedText) {
  if (!lockText || !installedText) return false;
  const wanted = JSON.parse(lockText).packages;
  const installed = JSON.parse(installedText).packages;
  return Object.entries(wanted).every(([where, entry]) => {
    if (where === '' || (entry.optional && !installed[where])) return true;
    return installed[where]?.version === entry.version && installed[where]?.integrity === entry.integrity;
  });
}

function link(target, file) {
  if (fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() && fs.readlinkSync(file) === target) return;
  fs.rmSync(file, { force: true, recursive: true });
  fs.symlinkSync(target, file);
}

export async function installPackages() {
  const installed = () =>
    packagesInstalled(readText(inRoot('package-lock.json')), readText(inRoot('node_modules/.package-lock.json')));
  if (!installed()) {
    await step('npm packages', async () => {
      const npm = process.env.npm_execpath;
      if (!npm && !which('npm'))
        throw new ToolError('npm was not found on PATH. Install Node.js 20 or newer together with npm.');
      // No dependency needs its install script: their binaries come inside the packages.
      const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
      await must(npm ? process.execPath : 'npm', npm ? [npm, ...args] : args, 'npm ci failed');
    });
  }
  link('..', inRoot('node_modules/rotor'));
  fs.mkdirSync(inRoot('node_modules/.bin'), { recursive: true });
  link('../../dist/cli.js', inRoot('node_modules/.bin/rotor'));
}
