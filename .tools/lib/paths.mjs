// Where things lie. Everything that the scripts make is git-ignored.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const inRoot = (...parts) => path.join(root, ...parts);
export const relative = (file) => path.relative(root, file) || '.';

export const out = inRoot('.out');
export const executedDir = path.join(out, 'notebooks');
export const jupyterPath = inRoot('.jupyter');
export const venv = inRoot('.venv');
export const kernelName = 'rotor';
