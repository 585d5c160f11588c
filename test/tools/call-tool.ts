import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export const root = path.resolve(__dirname, '../..');

/** Calls an exported function of a script in .tools/ in a process of its own: jest cannot load ES modules itself. */
export function callTool(file: string, name: string, ...args: unknown[]): unknown {
  const code = `
    const { ${name} } = await import(${JSON.stringify(pathToFileURL(path.join(root, '.tools', file)).href)});
    process.stdout.write(JSON.stringify(await ${name}(...${JSON.stringify(args)})));
  `;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, encoding: 'utf8' }),
  );
}
