/**
 * A figure as notebook output. Stock JupyterLab draws no plotly JSON, so plotly itself travels in the notebook, once;
 * and since scripts are stripped from notebooks that are not trusted, every output also carries a static picture.
 */
import { readFileSync } from 'node:fs';
import type { Figure } from '../plot/figure';
import { describeFigure } from '../plot/figure';
import { toSvg } from '../plot/svg/render';
import { newDisplayId } from './kernel';
import type { MimeBundle } from './mime';
import { escapeHtml } from './mime';

/**
 * Draws figures that arrive, and those that waited for plotly. A figure's place may not be in the page yet when its script
 * runs, or be hidden, so drawing is tried again for a while. The static picture goes only once plotly has drawn.
 */
const DRAW_SCRIPT = `(function () {
  var waiting = window.rotorFigures || [];
  if (waiting.ready) return;
  function draw(figure, tries) {
    var place = document.getElementById(figure.id);
    if (!place || place.parentNode.offsetWidth === 0) {
      if (tries < 600) setTimeout(draw, 100, figure, tries + 1);
      return;
    }
    var picture = document.getElementById(figure.id + '-picture');
    place.style.display = 'block';
    Promise.resolve().then(function () {
      return window.Plotly.newPlot(place, figure.data, figure.layout, figure.config);
    }).then(function () {
      if (picture) picture.style.display = 'none';
    }, function (error) {
      place.style.display = 'none';
      console.error(error);
    });
  }
  window.rotorFigures = { ready: true, push: function (figure) { draw(figure, 0); } };
  for (var i = 0; i < waiting.length; i++) draw(waiting[i], 0);
})();`;

let loader: string | undefined;

/** The script that brings plotly and draws what waits for it: 4.8 MB, once per notebook. */
export function plotlyScript(): string {
  if (loader === undefined) {
    const source = readFileSync(require.resolve('plotly.js-dist-min'), 'utf8').replace(/<\/script/gi, '<\\/script');
    // Pages with a module loader (exported notebooks have one) must not catch the library: it has to become a global.
    const hidden = `(function () { var define, module, exports;\n${source}\n}).call(window);`;
    loader = `<script>if (!(window.rotorFigures && window.rotorFigures.ready)) {\n${hidden}\n}\n${DRAW_SCRIPT}</script>`;
  }
  return loader;
}

/** Which run of which cell carries plotly, as far as a kernel can know. */
interface Carrier {
  readonly cell: unknown;
  readonly title: string;
}

let carrier: Carrier | undefined;

/**
 * Whether the output of this figure has to bring plotly along: when none has yet, or when the cell that brought it seems to run
 * again (another run, same title), because its old output is gone then.
 */
export function needsPlotly(title: string, cell: unknown): boolean {
  if (carrier !== undefined && !(carrier.title === title && carrier.cell !== cell)) return false;
  carrier = { cell, title };
  return true;
}

/** Forgets that plotly was sent. For tests. */
export function forgetPlotly(): void {
  carrier = undefined;
}

/**
 * A figure as a MIME bundle: HTML with the interactive drawing and the static picture, and one line of text.
 *
 * @param figure the figure
 * @param withPlotly bring plotly along
 */
export function figureBundle(figure: Figure, withPlotly: boolean): MimeBundle {
  const id = newDisplayId();
  const svg = toSvg(figure);
  const text = describeFigure(figure);
  const spec = jsonInScript({ id, data: figure.data, layout: figure.layout, config: figure.config });
  const source = Buffer.from(svg).toString('base64');
  return {
    'text/html': [
      `<div style="max-width:100%">`,
      `<div id="${id}" style="display:none;width:100%;height:${figure.layout.height}px"></div>`,
      `<img id="${id}-picture" alt="${escapeHtml(text)}" style="max-width:100%" src="data:image/svg+xml;base64,${source}">`,
      `</div>`,
      withPlotly ? plotlyScript() : '',
      `<script>(window.rotorFigures = window.rotorFigures || []).push(${spec});</script>`,
    ].join(''),
    'text/plain': text,
  };
}

/** JSON that can stand inside a script element. */
function jsonInScript(value: unknown): string {
  return JSON.stringify(value)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}
