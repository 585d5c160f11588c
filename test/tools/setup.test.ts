import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { callTool, root } from './call-tool';

describe('packagesInstalled', () => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const installed = (wanted: object, found: object) =>
    callTool('steps/packages.mjs', 'packagesInstalled', lock(wanted), lock(found));
  const a = { version: '1.0.0', integrity: 'sha512-a' };

  test('equal, but for the root entry and optional packages of other platforms', () => {
    const wanted = { '': {}, 'node_modules/a': a, 'node_modules/b': { ...a, optional: true } };
    expect(installed(wanted, { 'node_modules/a': a })).toBe(true);
  });

  test('a missing package, another version and other contents are seen', () => {
    expect(installed({ 'node_modules/a': a }, {})).toBe(false);
    expect(installed({ 'node_modules/a': a }, { 'node_modules/a': { ...a, version: '1.0.1' } })).toBe(false);
    expect(installed({ 'node_modules/a': a }, { 'node_modules/a': { ...a, integrity: 'sha512-b' } })).toBe(false);
    expect(callTool('steps/packages.mjs', 'packagesInstalled', lock({}), null)).toBe(false);
  });
});

describe('build tools', () => {
  const missing = (present: string[], compiler?: string) => {
    const code = `
      const { missingBuildTools } = await import('./.tools/steps/addon.mjs');
      const present = ${JSON.stringify(present)};
      console.log(JSON.stringify(missingBuildTools((name) => present.includes(name), ${JSON.stringify(compiler ?? '')})));
    `;
    return JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, encoding: 'utf8' }),
    );
  };

  test('each lacking tool is named as the Debian package that brings it', () => {
    expect(missing(['cmake', 'g++', 'make'])).toEqual([]);
    expect(missing(['cmake', 'clang++', 'ninja'])).toEqual([]);
    expect(missing([])).toEqual(['cmake', 'g++', 'ninja-build']);
    expect(missing(['cmake', 'g++', 'make'], 'g++-13')).toEqual(['g++']);
    expect(missing(['cmake', 'g++-13', 'make'], 'g++-13 -m64')).toEqual([]);
  });

  test('the message says what to install', () => {
    expect(callTool('steps/addon.mjs', 'missingToolsMessage', ['cmake', 'g++'])).toMatch(
      /CMake and a C\+\+ compiler not found on PATH\.\n.*apt-get install cmake g\+\+/,
    );
  });
});

describe('notebook kernel', () => {
  test('the kernelspec names files that exist, by absolute path', () => {
    const spec = callTool('steps/jupyter.mjs', 'kernelSpec') as { argv: string[]; language: string };
    const files = spec.argv.filter((arg) => path.isAbsolute(arg));
    expect(files).toHaveLength(3);
    files.forEach((file) => expect(fs.existsSync(file)).toBe(true));
    expect(spec.language).toBe('typescript');
    expect(spec.argv).toContain('{connection_file}');
  });

  const burst = `
    const { Publisher } = require('zeromq');
    const socket = new Publisher();
    socket.bindSync('inproc://burst');
    let refused = 0;
    const sends = [];
    for (let i = 0; i < 2000; i++) {
      try { sends.push(socket.send(['x'])); } catch { refused++; }
    }
    Promise.allSettled(sends).then((all) => {
      console.log(refused + all.filter((send) => send.status === 'rejected').length);
      process.exit(0);
    });
  `;
  const refusedSends = (...flags: string[]) =>
    Number(execFileSync(process.execPath, [...flags, '-e', burst], { cwd: root, encoding: 'utf8' }));

  test('the preload lets a burst of messages through that is otherwise refused', () => {
    expect(refusedSends()).toBeGreaterThan(0);
    expect(refusedSends('-r', path.join(root, '.tools/kernel-preload.cjs'))).toBe(0);
  });
});

describe('joined writes of the kernel', () => {
  const sent = (body: string) => {
    const code = `
      const sent = [];
      process.on('exit', () => require('fs').writeSync(1, JSON.stringify(sent)));
      const to = (name) => (text) => { sent.push([name, text]); return true; };
      process.stdout.write = to('a');
      ${body}
    `;
    const args = ['-r', path.join(root, '.tools/kernel-preload.cjs'), '-e', code];
    return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as [string, string][];
  };

  test('5,000 lines arrive whole and in order, in few messages', () => {
    const messages = sent('for (let i = 0; i < 5000; i++) console.log(i);');
    expect(messages.length).toBeLessThan(500);
    expect(messages.map(([, text]) => text).join('')).toBe(Array.from({ length: 5000 }, (_, i) => `${i}\n`).join(''));
  });

  test('the first text goes out at once, and the next before a newer cell writes', () => {
    const body =
      "console.log(1); sent.push(['mark', '']); console.log(2); process.stdout.write = to('b'); console.log(3);";
    expect(sent(body)).toEqual([
      ['a', '1\n'],
      ['mark', ''],
      ['a', '2\n'],
      ['b', '3\n'],
    ]);
  });

  test('the two streams keep their order', () => {
    const body = "process.stderr.write = to('e'); console.log(1); console.log(2); console.error(3); console.log(4);";
    expect(sent(body)).toEqual([
      ['a', '1\n'],
      ['a', '2\n'],
      ['e', '3\n'],
      ['a', '4\n'],
    ]);
  });

  test('text held back goes out when the event loop turns, and bytes are text', () => {
    const body = "console.log(1); process.stdout.write(Buffer.from('é'), () => sent.push(['called', '']));";
    expect(sent(body)).toEqual([
      ['a', '1\n'],
      ['called', ''],
      ['a', 'é'],
    ]);
  });
});

describe('executed notebooks', () => {
  test('text of tagged cells, from streams and displays, errors left out', () => {
    const cell = (tags: string[], outputs: object[]) => ({ cell_type: 'code', metadata: { tags }, outputs });
    const notebook = {
      cells: [
        cell(
          ['rotor-text'],
          [
            { output_type: 'stream', name: 'stdout', text: ['Once ', 'upon\n'] },
            { output_type: 'stream', name: 'stderr', text: 'warning' },
          ],
        ),
        cell(['other'], [{ output_type: 'stream', name: 'stdout', text: 'no' }]),
        { cell_type: 'markdown', metadata: { tags: ['rotor-text'] } },
        cell(
          ['rotor-text', 'x'],
          [{ output_type: 'display_data', data: { 'text/html': '<b>', 'text/plain': 'a time' } }],
        ),
        cell(['rotor-text'], []),
      ],
    };
    expect(callTool('notebooks/outputs.mjs', 'taggedText', notebook, 'rotor-text')).toEqual(['Once upon', 'a time']);
  });

  test('a failing cell is shown with its code and what the kernel said', () => {
    const failure = { cell: 3, source: 'f();\ng();', text: 'Error: boom\n' };
    expect(callTool('notebooks/execute.mjs', 'cellFailure', '02-inspect.ipynb', failure)).toBe(
      '02-inspect.ipynb: cell 4 failed.\n\n    f();\n    g();\n\nError: boom',
    );
  });
});
