import { inspect } from 'node:util';
import { html, inNotebook, installInspect, loadPlotly, markdown, show, showLive, table } from '../../src/notebook';
import { forgetPlotly } from '../../src/notebook/figure-html';
import type { DisplayWriter } from '../../src/notebook/kernel';
import { useWriter } from '../../src/notebook/kernel';
import { tensorBundle } from '../../src/notebook/tensor-html';
import { bar, heatmap, line } from '../../src/plot';
import { capture, recordDisplays } from './recorder';

afterEach(() => {
  useWriter(undefined);
  forgetPlotly();
});

const PLOTLY = 'window.Plotly = Plotly';
const carriesPlotly = ({ html }: { html: string }): boolean => html.includes(PLOTLY);

describe('figures', () => {
  test('plotly travels once for two figures, each with its picture, data and text', () => {
    const { shown } = recordDisplays();
    show(heatmap([[1]], { title: 'one' }), heatmap([[2]], { title: 'two' }));
    expect(shown.map(carriesPlotly)).toEqual([true, false]);
    for (const { html } of shown) {
      expect(html.match(/<img [^>]*src="data:image\/svg\+xml;base64,/g)).toHaveLength(1);
      expect(html).toContain('window.rotorFigures');
    }
    expect(shown[1].html.length).toBeLessThan(20_000);
    expect(shown.map(({ text }) => text)).toEqual(['Figure "one": heatmap', 'Figure "two": heatmap']);
  });

  test('a cell that brought plotly and runs again brings it again; other cells do not', () => {
    const { shown, newCell } = recordDisplays();
    show(bar([1], { title: 'first' }));
    newCell();
    show(bar([1], { title: 'second' }));
    newCell();
    show(bar([1], { title: 'first' }), bar([1], { title: 'first' }));
    expect(shown.map(carriesPlotly)).toEqual([true, false, true, false]);
  });

  test('loadPlotly brings it in the set-up cell, each time that cell runs', () => {
    const { shown, newCell } = recordDisplays();
    loadPlotly();
    newCell();
    show(bar([1]));
    newCell();
    loadPlotly();
    newCell();
    show(bar([1]));
    expect(shown.map(carriesPlotly)).toEqual([true, false, true, false]);
  });

  test('places have names of their own, and nothing in a figure can end its script', () => {
    const { shown } = recordDisplays();
    show(heatmap([[1]], { title: '</script><b>', xTicks: ['</script>'] }), heatmap([[1]]));
    const ids = shown.map(({ html }) => /<div id="(rotor-[0-9a-f]+)"/.exec(html)?.[1]);
    expect(new Set(ids).size).toBe(2);
    const last = shown[0].html.slice(shown[0].html.lastIndexOf('<script>'));
    expect(last.match(/<\/script>/g)).toHaveLength(1);
    const json = /\.push\((.*)\);<\/script>$/.exec(last)?.[1] ?? '';
    expect(JSON.parse(json)).toMatchObject({ id: ids[0], data: [{ z: [[1]] }] });
  });

  test('the picture is the figure, in the same output', () => {
    const { shown } = recordDisplays();
    show(line([1, 2], { title: 'ramp' }));
    const source = /base64,([^"]+)"/.exec(shown[0].html)?.[1] ?? '';
    expect(Buffer.from(source, 'base64').toString()).toMatch(/^<svg [\s\S]*ramp[\s\S]*<\/svg>$/);
  });
});

describe('show', () => {
  test('asks a value for its forms, by either protocol, also asynchronously', async () => {
    const { shown } = recordDisplays();
    show({ toDisplay: () => ({ 'text/plain': 'own' }) });
    show({ [Symbol.for('Jupyter.display')]: () => ({ 'text/plain': 'symbol' }) });
    show({ [Symbol.for('Jupyter.display')]: () => Promise.resolve({ 'text/plain': 'later' }) });
    await Promise.resolve();
    expect(shown.map(({ text }) => text)).toEqual(['own', 'symbol', 'later']);
  });

  test('prints anything else as Node would', () => {
    const { shown } = recordDisplays();
    show('text', 3, { a: [1] }, null, undefined);
    expect(shown.map(({ text }) => text)).toEqual(['text', '3', '{ a: [ 1 ] }', 'null', 'undefined']);
  });

  test('outside a notebook everything is text on stdout', async () => {
    expect(inNotebook()).toBe(false);
    const text = await capture(process.stdout, () =>
      show(heatmap([[1]], { title: 'h' }), markdown('# m'), html('<b>x</b>')),
    );
    expect(text).toBe('Figure "h": heatmap\n# m\nx\n');
    expect(await capture(process.stdout, () => loadPlotly())).toBe('');
  });

  test('what the socket refuses is sent later, in order', async () => {
    const sent: string[] = [];
    let refusals = 2;
    const busy: DisplayWriter = ({ data }) => {
      if (refusals-- > 0)
        throw new Error('Socket is busy writing; only one send operation may be in progress at any time');
      sent.push(String(data['text/plain']));
    };
    useWriter(busy);
    show('a', 'b');
    expect(sent).toEqual([]);
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual(['a', 'b']);
  });

  test('a live display replaces itself and shows the last value', () => {
    const { shown } = recordDisplays();
    const live = showLive('start');
    for (let i = 0; i < 100; i++) live.update(`at ${i}`);
    live.done();
    expect(shown.map(({ text }) => text)).toEqual(['start', 'at 99']);
    expect(shown.map(({ update }) => update)).toEqual([false, true]);
    expect(shown[1].id).toBe(shown[0].id);
  });
});

describe('tensors', () => {
  const tensor = (shape: number[], values: number[], extra = {}) => ({
    shape,
    toFloat64Array: () => Float64Array.from(values),
    ...extra,
  });

  test('show what they are, how their values spread, and the values', () => {
    const { shown } = recordDisplays();
    show(tensor([2, 2], [1, -2, 3, NaN], { dtype: 'f32', device: 'cpu' }));
    expect(shown[0].html).toContain('Tensor f32 [2, 2] on cpu');
    expect(shown[0].html).toContain('min -2 · mean 0.6667 · max 3');
    expect(shown[0].html).toContain('1 NaN or infinite');
    expect(shown[0].html.match(/font-family:monospace/g)).toHaveLength(4);
    expect(shown[0].html).toContain('NaN</td>');
  });

  test('keep their own text form, and are cut at the edges', () => {
    const own = tensorBundle({ ...tensor([40, 40], new Array(1600).fill(1)), toString: () => 'tensor(…)' } as never);
    expect(own['text/plain']).toMatch(/^tensor\(…\)\nmin 1/);
    expect(String(own['text/html']).match(/font-family:monospace/g)).toHaveLength(64);
  });

  test('scalars, empty ones and stacks are shown too', () => {
    expect(tensorBundle(tensor([], [7]))['text/html']).toContain('7</td>');
    expect(tensorBundle(tensor([0, 3], []))['text/plain']).toBe('Tensor [0, 3] · empty');
    expect(tensorBundle(tensor([2, 1, 1], [1, 2]))['text/html']).toContain('at [0, :, :]');
  });

  test('a huge one is described without being read', () => {
    const unread = (): Float64Array => {
      throw new Error('read');
    };
    expect(tensorBundle({ shape: [1 << 20, 32], toFloat64Array: unread })['text/plain']).toMatch(/too many to show/);
  });
});

describe('table', () => {
  const rows = [
    { name: '<gemv>', ms: 1.23456, ok: true },
    { name: 'b\nc', ms: 12, note: ['x', 2] },
  ];

  test('as text: aligned, numbers to the right, every property a column', () => {
    expect(String(table(rows, { title: 'Times' }))).toBe(
      [
        'Times',
        'name       ms  ok    note',
        '──────  ─────  ────  ────',
        '<gemv>  1.235  true',
        'b c        12        x, 2',
      ].join('\n'),
    );
    expect(inspect(table(rows))).toBe(String(table(rows)));
  });

  test('as HTML: escaped', () => {
    const { shown } = recordDisplays();
    show(table(rows, { columns: ['name', { key: 'ms', label: 'time & ms', format: (v) => `${String(v)} ms` }] }));
    expect(shown[0].html).toContain('&lt;gemv&gt;');
    expect(shown[0].html).toContain('time &amp; ms');
    expect(shown[0].html).toContain('12 ms');
    expect(shown[0].html).not.toContain('true');
  });

  test('rows as arrays need columns; long tables are cut with a note', () => {
    expect(String(table([[1, 2]], { columns: ['a', 'b'] }))).toContain('1  2');
    expect(() => table([[1, 2]])).toThrow(/\[table\] expected the columns option/);
    expect(() => table([1] as never)).toThrow(/objects or arrays/);
    expect(() => table([], { titel: 'x' } as never)).toThrow(/Did you mean "title"/);
    const long = table(
      Array.from({ length: 5 }, (_, i) => ({ i })),
      { maxRows: 2 },
    );
    expect(String(long)).toMatch(/… 3 more rows$/);
    expect(String(table([]))).toBe('\n');
  });
});

test('installInspect gives a class its text form, and leaves one that has its own', () => {
  class Plain {
    toDisplay() {
      return { 'text/plain': 'a plain one' };
    }
  }
  class Own extends Plain {
    [inspect.custom]() {
      return 'own';
    }
  }
  installInspect(Plain);
  installInspect(Own);
  expect(inspect(new Plain())).toBe('a plain one');
  expect(inspect([new Plain()])).toBe('[ a plain one ]');
  expect(inspect(new Own())).toBe('own');
});
