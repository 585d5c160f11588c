// The engines that take turns: each a process that answers tests, or one process per test.
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = (name) => new URL(`peers/${name}`, import.meta.url).pathname;

/** A worker that loads once and then answers one test per line. */
export async function startWorker(script, args) {
  const child = spawn(process.execPath, [here(script), ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = new Promise((resolve) => child.once('exit', resolve));
  const next = async () => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`${script} ended with code ${await exit}`);
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`${script}: ${answer.error}`);
    return answer;
  };
  const hello = await next();
  return {
    hello,
    async measure(test) {
      child.stdin.write(`${JSON.stringify(test)}\n`);
      return next();
    },
    async stop() {
      child.stdin.end();
      await exit;
    },
  };
}

/** A `llama-bench` binary: a process per test, whose own warm-up and loading are outside the time it reports. */
export function llamaBench(binary, file, threads) {
  return {
    async measure({ nPrompt, nGen, nDepth }) {
      const both = nPrompt > 0 && nGen > 0;
      const sizes = both ? ['-p', 0, '-n', 0, '-pg', `${nPrompt},${nGen}`] : ['-p', nPrompt, '-n', nGen];
      const depth = nDepth > 0 ? ['-d', nDepth] : [];
      const args = ['-m', file, '-t', threads, ...sizes, ...depth, '-r', 1, '-o', 'json'];
      const { stdout } = await run(binary, args.map(String), { maxBuffer: 1 << 24 });
      const [result] = JSON.parse(stdout.slice(stdout.indexOf('[')));
      return { ns: result.samples_ns[0], version: result.build_commit };
    },
    stop: async () => undefined,
  };
}
