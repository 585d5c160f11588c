// A check is a title and a function giving its problems, one line each. This runs one by hand: node .tools/checks/NAME.mjs
import { pathToFileURL } from 'node:url';
import { runMain, say } from '../lib/log.mjs';

export async function runIfMain(meta, title, check) {
  if (meta.url !== pathToFileURL(process.argv[1] ?? '').href) return;
  await runMain(async () => {
    const problems = await check();
    problems.forEach((problem) => say(problem));
    say(`${title}: ${problems.length === 0 ? 'passed' : 'failed'}`);
    return problems.length === 0 ? 0 : 1;
  });
}

/** A tool of node_modules run as a check: its printed lines are the problems when it fails. */
export function toolProblems({ code, output }) {
  return code === 0
    ? []
    : output
        .trim()
        .split('\n')
        .filter((line) => line.trim() !== '');
}
