// A JupyterLab of our own on this machine only: settings, trust data base and runtime files in a folder of the test, no password.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ToolError } from '../../.tools/lib/log.mjs';

const startLimit = 60_000;

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

const settings = {
  // Every cell is drawn, in view or not, so that all figures can be counted.
  '@jupyterlab/notebook-extension/tracker.jupyterlab-settings': { windowingMode: 'none' },
  '@jupyterlab/apputils-extension/notification.jupyterlab-settings': { fetchNews: 'false', checkForUpdates: false },
  '@jupyterlab/docmanager-extension/plugin.jupyterlab-settings': { autosave: false },
};

/** Starts JupyterLab on `notebooks`; gives its address, its environment (for `jupyter trust`) and `stop()`. */
export async function startLab({ jupyter, env, home, notebooks }) {
  const labEnv = {
    ...env,
    JUPYTER_DATA_DIR: path.join(home, 'data'),
    JUPYTER_CONFIG_DIR: path.join(home, 'config'),
    JUPYTER_RUNTIME_DIR: path.join(home, 'runtime'),
    JUPYTERLAB_SETTINGS_DIR: path.join(home, 'settings'),
    JUPYTERLAB_WORKSPACES_DIR: path.join(home, 'workspaces'),
  };
  for (const [file, value] of Object.entries(settings)) {
    const target = path.join(labEnv.JUPYTERLAB_SETTINGS_DIR, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, JSON.stringify(value));
  }
  const port = await freePort();
  const args = [
    'lab',
    '--no-browser',
    '--allow-root',
    '--ip=127.0.0.1',
    `--port=${port}`,
    '--ServerApp.port_retries=0',
  ];
  args.push(`--ServerApp.root_dir=${notebooks}`, '--IdentityProvider.token=', '--ServerApp.password=');
  const log = fs.openSync(path.join(home, 'server.log'), 'w');
  const child = spawn(jupyter, args, { env: labEnv, stdio: ['ignore', log, log] });
  const exited = new Promise((resolve) => child.on('close', resolve));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    fs.closeSync(log);
  };
  const limit = performance.now() + startLimit;
  while (performance.now() < limit && child.exitCode === null) {
    const answer = await fetch(`${url}/api/status`).catch(() => undefined);
    if (answer?.ok) return { url, env: labEnv, stop };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await stop();
  throw new ToolError(
    `JupyterLab did not start:\n${fs.readFileSync(path.join(home, 'server.log'), 'utf8').slice(-2000)}`,
  );
}
