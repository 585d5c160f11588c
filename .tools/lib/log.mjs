// Plain progress lines: one when a step starts, one when it ends, with the seconds it took.

/** An expected failure, shown as its text alone. Anything else thrown is a defect and keeps its stack. */
export class ToolError extends Error {}

export const say = (line) => process.stdout.write(`${line}\n`);

export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** Runs `work` between a starting and an ending line; whatever string it returns is appended to the latter. */
export async function step(title, work) {
  const start = performance.now();
  say(`- ${title} …`);
  const note = await work();
  say(`  ${title}: done in ${seconds(start)}${typeof note === 'string' ? ` (${note})` : ''}`);
}

/** Runs a script's `main`, turning a `ToolError` into readable text and exit code 1. */
export async function runMain(main) {
  try {
    const code = await main();
    process.exitCode = typeof code === 'number' ? code : 0;
  } catch (error) {
    process.stderr.write(`\n${error instanceof ToolError ? error.message : (error?.stack ?? String(error))}\n`);
    process.exitCode = 1;
  }
}
