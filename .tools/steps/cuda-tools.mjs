// The disassembler of GPU code, out of the `triton` wheel: for tests that read the machine code of kernels. Not NVIDIA's toolkit, which
// need not have it.
import fs from 'node:fs';
import { say, step } from '../lib/log.mjs';
import { inRoot, venv } from '../lib/paths.mjs';
import { run, which } from '../lib/run.mjs';

const dir = inRoot('build/cuda-tools');
const wanted = ['cuobjdump', 'nvdisasm'];
const wheel = 'triton==3.8.0';

const extract = `
import glob, os, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + '/triton-*.whl')[0])
for name in sys.argv[2:]:
    to = os.path.join(sys.argv[1], name)
    with open(to, 'wb') as file:
        file.write(wheel.read('triton/backends/nvidia/bin/' + name))
    os.chmod(to, 0o755)
`;

/** Fetches the tools once, where there is a library of GPU code to read. Without them the tests say what they skip. */
export async function fetchCudaTools() {
  if (!fs.existsSync(inRoot('build/Release/librotor_cuda.so'))) return;
  if (wanted.every((name) => fs.existsSync(`${dir}/${name}`))) return;
  const python = which(`${venv}/bin/python`) ?? which('python3'); // a system's own Python may lack pip
  await step('disassembler of GPU code', async () => {
    fs.mkdirSync(dir, { recursive: true });
    const env = { PIP_RETRIES: '0', ...process.env };
    const args = ['-m', 'pip', 'download', '--disable-pip-version-check', '--no-deps', '--dest', dir, wheel];
    const pip = python ? await run(python, args, { env }) : { code: 1 };
    const made = pip.code === 0 && (await run(python, ['-c', extract, dir, ...wanted])).code === 0;
    for (const name of fs.readdirSync(dir).filter((file) => file.endsWith('.whl'))) fs.rmSync(`${dir}/${name}`);
    if (!made) say('- no disassembler (pip could not fetch the triton package): tests of machine code are skipped');
  });
}
