// The flags of the scripts here: `--name value`; `texts` may come several times, `list` is numbers with commas.

/** @param {Record<string, 'text' | 'number' | 'list' | 'texts' | 'switch'>} known */
export function readFlags(args, known) {
  const values = {};
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--/, '');
    const kind = known[name];
    if (kind === undefined)
      fail(
        `expected one of ${Object.keys(known)
          .map((n) => `--${n}`)
          .join(', ')}, received ${args[i]}.`,
      );
    if (kind === 'switch') {
      values[name] = true;
      continue;
    }
    const value = args[++i];
    if (value === undefined) fail(`expected a value after --${name}.`);
    if (kind === 'texts') (values[name] ??= []).push(value);
    else values[name] = kind === 'text' ? value : numbers(name, value, kind);
  }
  return values;
}

function numbers(name, value, kind) {
  const list = value.split(',').map(Number);
  if (list.some((n) => !Number.isInteger(n) || n < 0)) fail(`expected whole numbers for --${name}, received ${value}.`);
  return kind === 'list' ? list : list[0];
}

function fail(text) {
  console.error(text);
  process.exit(2);
}
