// Walking the tree, and stamps: a step is done when the hash of what it reads is the one it left behind.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';

const skipped = new Set(['node_modules', 'dist', 'build', '.git', '.out', '.venv', '.jupyter', '.ipynb_checkpoints']);

/** Every file below `dir` whose name `accept`s, as sorted absolute paths. Made and installed folders are left out. */
export function walk(dir, accept = () => true) {
  if (!fs.existsSync(dir)) return [];
  const found = [];
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, entry.name);
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) found.push(...walk(full, accept));
    } else if (entry.isFile() && accept(entry.name)) {
      found.push(full);
    }
  }
  return found.sort();
}

/** SHA-256 over names and contents of files, and over any further strings. */
export function hashFiles(files, ...strings) {
  const hash = createHash('sha256');
  for (const file of files) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(fs.readFileSync(file))
      .update('\0');
  }
  for (const text of strings) hash.update(text).update('\0');
  return hash.digest('hex');
}

export function readText(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
}

export function writeText(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}
