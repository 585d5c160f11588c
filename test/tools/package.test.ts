// The package as others load it. Needs dist/, which npm test builds.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './call-tool';

const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim();

test('every file that package.json names exists', () => {
  const named = [manifest.main, manifest.module, manifest.types, ...Object.values<string>(manifest.bin)];
  for (const entry of Object.values<string | Record<string, string>>(manifest.exports)) {
    named.push(...(typeof entry === 'string' ? [entry] : Object.values(entry)));
  }
  for (const [file] of Object.values<string[]>(manifest.typesVersions['*'])) named.push(file);
  expect(named.filter((file) => !fs.existsSync(path.join(root, file)))).toEqual([]);
});

test('typesVersions and exports name the same subpaths', () => {
  const subpaths = Object.keys(manifest.exports).filter((name) => name !== '.' && name !== './package.json');
  expect(subpaths.map((name) => name.slice(2))).toEqual(Object.keys(manifest.typesVersions['*']));
});

test('import and require give the same objects', () => {
  const code = `
    import { createRequire } from 'node:module';
    import * as esm from 'rotor';
    const cjs = createRequire(import.meta.url)('rotor');
    const names = Object.keys(cjs).filter((name) => name !== '__esModule');
    console.log(JSON.stringify({ count: names.length, different: names.filter((name) => esm[name] !== cjs[name]) }));
  `;
  const { count, different } = JSON.parse(node('--input-type=module', '-e', code));
  expect(count).toBeGreaterThan(20);
  expect(different).toEqual([]);
});

test('loading the package registers no signal handler and prints nothing', () => {
  const code = "require('rotor'); console.log(process.listenerCount('SIGINT'), process.listenerCount('SIGTERM'))";
  expect(node('-e', code)).toBe('0 0');
});

test('the lock file and package.json agree and name exact versions', () => {
  const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  expect(lock.packages[''].dependencies).toEqual(manifest.dependencies);
  expect(lock.packages[''].devDependencies).toEqual(manifest.devDependencies);
  const versions = Object.values<string>({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter((version) => !/^(npm:[\w.-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  expect(JSON.stringify(lock)).not.toMatch(/"resolved":/);
});
