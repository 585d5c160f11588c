// What a person sees of the figures of an opened notebook.

/** How many figures the file of an executed notebook holds: outputs whose HTML carries a static picture. */
export function countFigures(notebook) {
  const html = notebook.cells
    .flatMap((cell) => cell.outputs ?? [])
    .map((output) => [output.data?.['text/html'] ?? ''].flat().join(''));
  return html.reduce((sum, text) => sum + (text.match(/<img[^>]+src="data:image/g)?.length ?? 0), 0);
}

/**
 * Looks at the open page: `drawn` plotly figures with an area, `pictures` static pictures that are loaded and visible, and `errors`, the texts of outputs that
 * tell of a script error.
 */
export function seenFigures(page) {
  return page.evaluate(() => {
    const visible = (element) => {
      const box = element.getBoundingClientRect();
      return box.width > 20 && box.height > 20 && getComputedStyle(element).visibility !== 'hidden';
    };
    const outputs = document.querySelector('.jp-Notebook');
    const plots = [...outputs.querySelectorAll('.js-plotly-plot')].filter(
      (plot) =>
        visible(plot) &&
        [...plot.querySelectorAll('.main-svg')].some((svg) => visible(svg) && svg.childElementCount > 0),
    );
    const pictures = [...outputs.querySelectorAll('.jp-OutputArea-output img')].filter(
      (image) => image.complete && image.naturalWidth > 0 && visible(image),
    );
    // JupyterLab shows what a script of an output threw as an output of its own kind; innerText leaves the scripts' sources out.
    const errors = [...outputs.querySelectorAll('.jp-OutputArea-output')]
      .map((output) => output.innerText)
      .filter((text) => /Javascript Error|ReferenceError|TypeError/.test(text));
    return { drawn: plots.length, pictures: pictures.length, errors };
  });
}
