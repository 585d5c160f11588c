// Reads what tagged cells of an executed notebook printed.

const join = (text) => (Array.isArray(text) ? text.join('') : text);

function outputText(output) {
  if (output.output_type === 'stream') return output.name === 'stdout' ? join(output.text) : '';
  return join(output.data?.['text/plain'] ?? '');
}

/** The text of every cell whose metadata tags include `tag`, in the notebook's order; cells without text are left out. */
export function taggedText(notebook, tag) {
  return notebook.cells
    .filter((cell) => cell.cell_type === 'code' && cell.metadata?.tags?.includes(tag))
    .map((cell) => cell.outputs.map(outputText).join('').trimEnd())
    .filter((text) => text !== '');
}
