#!/usr/bin/env node
import { main } from './cli/main';
import { print } from './cli/output';

void main(process.argv.slice(2)).then(async (code) => {
  // Everything written must be out before the process ends.
  await print('');
  process.exit(code);
});
