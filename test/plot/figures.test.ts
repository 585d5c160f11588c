import { inspect } from 'node:util';
import {
  activationHistogram,
  attentionPattern,
  bar,
  bitPlaneRow,
  heatmap,
  histogram,
  isFigure,
  lensOf,
  line,
  logitLens,
  receiptBars,
  residualNorms,
  roofline,
  samplerDistributions,
  scatter,
  tokenGrid,
  tokenLabel,
  tritBars,
} from '../../src/plot';
import type { BarTrace, HeatmapTrace, ReceiptLike, ScatterTrace, TensorLike } from '../../src/plot';
import { medianInterval } from '../../src/plot/receipts';

function tensor(shape: number[], value: (i: number) => number): TensorLike {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, toFloat64Array: () => Float64Array.from({ length: size }, (_, i) => value(i)) };
}

const note = (figure: { layout: { title: { subtitle?: { text: string } } } }): string =>
  figure.layout.title.subtitle?.text ?? '';

describe('heatmap', () => {
  test('keeps every value of a small matrix and centres a signed scale at zero', () => {
    const figure = heatmap([
      [1, -3],
      [2, 0],
    ]);
    const trace = figure.data[0] as HeatmapTrace;
    expect(trace.z).toEqual([
      [1, -3],
      [2, 0],
    ]);
    expect([trace.zmin, trace.zmax]).toEqual([-3, 3]);
    expect(figure.layout.yaxis.autorange).toBe('reversed');
    expect(figure.layout.xaxis.title?.text).toBe('column');
    expect(note(figure)).toBe('');
  });

  test('takes tensors, typed arrays and nested arrays alike', () => {
    const expected = (heatmap([[0, 1, 2]]).data[0] as HeatmapTrace).z;
    expect((heatmap(tensor([1, 3], (i) => i)).data[0] as HeatmapTrace).z).toEqual(expected);
    expect((heatmap(Int8Array.of(0, 1, 2)).data[0] as HeatmapTrace).z).toEqual(expected);
  });

  test('joins cells of a large matrix by their mean and says so', () => {
    const figure = heatmap(
      tensor([4, 6], (i) => i),
      { maxCells: 2 },
    );
    const trace = figure.data[0] as HeatmapTrace;
    // Rows 0-1, columns 0-2 hold 0 1 2 6 7 8.
    expect(trace.z[0][0]).toBe(4);
    expect(trace.x).toEqual([1, 4]);
    expect(note(figure)).toContain('4 × 6 values drawn as 2 × 2 cells, each the mean of 2 × 3');
    const peaks = heatmap(
      tensor([4, 6], (i) => (i === 7 ? -50 : i)),
      { maxCells: 2, reduce: 'maxAbs' },
    );
    expect((peaks.data[0] as HeatmapTrace).z[0][0]).toBe(-50);
  });

  test('leaves values blank that are not finite, and counts them', () => {
    const figure = heatmap([[1, NaN, Infinity]]);
    expect((figure.data[0] as HeatmapTrace).z).toEqual([[1, null, null]]);
    expect(note(figure)).toContain('2 values are NaN or infinite');
    expect(JSON.parse(JSON.stringify(figure.data))).toEqual(figure.data);
  });

  test('an empty matrix and a constant one have a colour range', () => {
    expect((heatmap(tensor([0, 3], () => 0)).data[0] as HeatmapTrace).z).toEqual([]);
    const { zmin, zmax } = heatmap([[5, 5]]).data[0] as HeatmapTrace;
    expect(zmax).toBeGreaterThan(zmin);
  });

  test('titles and names are escaped for plotly', () => {
    const figure = heatmap([[1, 2]], { title: 'a <b> & c', xTicks: ['<|eot|>', 'x'] });
    expect(figure.layout.title.text).toBe('a &lt;b&gt; &amp; c');
    expect(figure.layout.xaxis.ticktext).toEqual(['&lt;|eot|&gt;', 'x']);
  });

  test.each([
    ['three axes', () => heatmap(tensor([2, 2, 2], () => 0)), 'ROTOR_SHAPE', /\[heatmap\] expected a matrix/],
    ['ragged rows', () => heatmap([[1, 2], [3]]), 'ROTOR_SHAPE', /row of 1/],
    ['words', () => heatmap([['a']] as never), 'ROTOR_DTYPE', /expected a number/],
    ['nothing', () => heatmap(undefined as never), 'ROTOR_DTYPE', /expected a tensor/],
    ['an unknown option', () => heatmap([[1]], { tittle: 'x' } as never), 'ROTOR_OPTION', /Did you mean "title"/],
    ['too few ticks', () => heatmap([[1, 2]], { xTicks: ['a'] }), 'ROTOR_OPTION', /expected 2 xTicks/],
    ['no cells', () => heatmap([[1]], { maxCells: 0 }), 'ROTOR_OPTION', /at least 1/],
  ])('refuses %s', (_, make, code, text) => {
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(text) }));
  });
});

describe('bar, line, scatter, histogram', () => {
  test('bars carry their intervals as distances', () => {
    const figure = bar([{ name: 'a', values: [10, 20], low: [9, 18], high: [12, 21] }], { labels: ['x', 'y'] });
    const trace = figure.data[0] as BarTrace;
    expect(trace.error_y?.array).toEqual([2, 1]);
    expect(trace.error_y?.arrayminus).toEqual([1, 2]);
    expect(figure.layout.xaxis.ticktext).toEqual(['x', 'y']);
  });

  test('bars refuse series of different length and more bars than can be seen', () => {
    expect(() =>
      bar([
        { name: 'a', values: [1] },
        { name: 'b', values: [1, 2] },
      ]),
    ).toThrow(/\[bar\]/);
    expect(() => bar(new Float64Array(601))).toThrow(/at most 600/);
  });

  test('a line keeps its spikes when it is thinned', () => {
    const y = new Float64Array(10_000);
    y[4321] = 99;
    const figure = line(y, { maxPoints: 100 });
    const trace = figure.data[0] as ScatterTrace;
    expect(trace.y.length).toBeLessThanOrEqual(100);
    expect(trace.y).toContain(99);
    expect(trace.x[trace.y.indexOf(99)]).toBe(4321);
    expect(note(figure)).toContain('10000 points drawn as');
  });

  test('lines of a matrix take names, and x must fit', () => {
    const figure = line(
      [
        [1, 2],
        [3, 4],
      ],
      { names: ['p', 'q'], x: [10, 20] },
    );
    expect(figure.data.map(({ name }) => name)).toEqual(['p', 'q']);
    expect((figure.data[1] as ScatterTrace).x).toEqual([10, 20]);
    expect(() => line([1, 2, 3], { x: [1] })).toThrow(/expected 3 x/);
  });

  test('points: every k-th of too many, with a note', () => {
    const x = Float64Array.from({ length: 1000 }, (_, i) => i);
    const figure = scatter(x, x, { maxPoints: 100 });
    expect((figure.data[0] as ScatterTrace).x).toHaveLength(100);
    expect(note(figure)).toContain('every 10th drawn');
    expect(() => scatter([1], [1, 2])).toThrow(/expected 1 y values/);
  });

  test('a histogram counts everything once, the upper end included', () => {
    const figure = histogram([0, 0.1, 0.5, 1, 5, NaN], { bins: 2, range: [0, 1] });
    expect((figure.data[0] as BarTrace).y).toEqual([2, 2]);
    expect(note(figure)).toContain('1 values lie outside 0 to 1');
    expect(note(figure)).toContain('1 value is NaN');
    expect(() => histogram([1], { bins: 0 })).toThrow(/bins/);
    expect(() => histogram([1], { range: [1, 1] })).toThrow(/low < high/);
    expect((histogram([]).data[0] as BarTrace).y.every((n) => n === 0)).toBe(true);
  });
});

describe('attentionPattern', () => {
  const pattern = tensor([2, 3, 3], (i) => (i % 3 <= Math.floor((i % 9) / 3) ? 0.5 : 0));

  test('one panel per head on one scale from 0 to 1', () => {
    const figure = attentionPattern(pattern, { tokens: ['a', 'a', '\n'], layer: 4 });
    expect(figure.data).toHaveLength(2);
    for (const trace of figure.data as HeatmapTrace[]) expect([trace.zmin, trace.zmax]).toEqual([0, 1]);
    expect(figure.data[1]).toMatchObject({ xaxis: 'x2', yaxis: 'y2', showscale: false });
    expect(figure.layout['xaxis2']?.ticktext).toEqual(['a', 'a', '↵']);
    expect(figure.layout.annotations?.map(({ text }) => text)).toEqual(['head 0', 'head 1']);
    expect(figure.layout.title.text).toBe('Attention pattern, layer 4');
  });

  test('draws the heads one asks for', () => {
    const figure = attentionPattern(pattern, { heads: [1] });
    expect(figure.data).toHaveLength(1);
    expect(figure.layout.title.text).toContain('head 1');
  });

  test('names wide queries and keys apart', () => {
    const figure = attentionPattern(
      tensor([2, 4], () => 0.25),
      { tokens: ['x', 'y'], keys: ['a', 'b', 'c', 'd'] },
    );
    expect(figure.layout.xaxis.ticktext).toHaveLength(4);
    expect(figure.layout.yaxis.ticktext).toHaveLength(2);
  });

  test.each([
    ['a head that is not there', () => attentionPattern(pattern, { heads: [2] }), /heads from 0 to 1, received 2/],
    ['tokens of another prompt', () => attentionPattern(pattern, { tokens: ['a'] }), /expected 3 tokens/],
    ['a vector', () => attentionPattern([1, 2]), /expected shape/],
    ['too many heads', () => attentionPattern(tensor([65, 1, 1], () => 1)), /1 to 64 heads/],
  ])('refuses %s', (_, make, text) => {
    expect(make).toThrow(text);
  });
});

describe('tokens', () => {
  test('labels make whitespace and control characters visible', () => {
    expect(tokenLabel(' the')).toBe('·the');
    expect(tokenLabel('a\n\t')).toBe('a↵⇥');
    expect(tokenLabel('\u0000')).toBe('\\x00');
    expect(tokenLabel('')).toBe('∅');
    expect(tokenLabel('👍👍👍', 2)).toBe('👍…');
  });

  test('a grid prints words and keeps the last columns of too many', () => {
    const figure = tokenGrid([['a', '<b>', 'c']], [[0, 0.5, 1]], { maxColumns: 2, xTicks: ['x', 'y', 'z'] });
    const trace = figure.data[0] as HeatmapTrace;
    expect(trace.text).toEqual([['&lt;b&gt;', 'c']]);
    expect(trace.x).toEqual([1, 2]);
    expect(figure.layout.xaxis.tickvals).toEqual([1, 2]);
    expect(note(figure)).toContain('3 columns, the last 2 drawn');
    expect(() => tokenGrid([['a']], [[1, 2]])).toThrow(/expected texts of shape/);
  });

  test('a logit lens takes the softmax of each layer, likeliest first, lower id first among equals', () => {
    const logits = tensor([2, 1, 3], (i) => [0, Math.log(2), 0, 5, 5, 1][i]);
    const lens = lensOf(logits, (id) => `t${id}`, 2);
    expect(lens.top[0][0].map(({ token }) => token)).toEqual(['t1', 't0']);
    expect(lens.top[0][0][0].probability).toBeCloseTo(0.5, 12);
    expect(lens.top[1][0].map(({ token }) => token)).toEqual(['t0', 't1']);
    const figure = logitLens(lens, { tokens: ['The'], layers: ['0', 'final'] });
    expect((figure.data[0] as HeatmapTrace).text).toEqual([['t1'], ['t0']]);
    expect(figure.layout.yaxis.autorange).toBeUndefined();
    expect(
      lensOf([tensor([1, 3], (i) => i), tensor([1, 3], (i) => -i)], String, 1).top.map((l) => l[0][0].token),
    ).toEqual(['2', '0']);
  });

  test('a logit lens refuses logits without layers, and layers without names', () => {
    expect(() =>
      lensOf(
        tensor([2, 3], () => 0),
        String,
      ),
    ).toThrow(/\[layers, positions, vocabulary\]/);
    expect(() => logitLens({ top: [] })).toThrow(/at least one layer/);
    expect(() =>
      logitLens(
        lensOf(
          tensor([1, 1, 2], () => 0),
          String,
        ),
        { layers: ['a', 'b'] },
      ),
    ).toThrow(/expected 1 layers/);
  });
});

describe('ternary weights', () => {
  test('shares add up to 100 percent and the note has the entropy', () => {
    const figure = tritBars([{ name: 'a', minus: 1, zero: 2, plus: 1 }]);
    expect((figure.data as BarTrace[]).map(({ y }) => y[0])).toEqual([25, 50, 25]);
    expect(note(figure)).toContain('entropy 1.500 bits');
    expect(() => tritBars([{ name: 'a', minus: 0, zero: 0, plus: 0 }])).toThrow(/some weights in "a"/);
  });

  test('bit-planes decode to weights, lowest bit first', () => {
    // k:        0  1  2  3  4  5  6  7 | 8
    // zero      1  0  0  0  0  0  0  1 | 1
    // plus      0  1  0  0  0  0  0  0 | 0
    const figure = bitPlaneRow({ zero: Uint8Array.of(0x81, 0xff), plus: Uint8Array.of(0x02, 0x00), columns: 9 });
    const trace = figure.data[0] as HeatmapTrace;
    expect(trace.text?.[2]).toEqual(['0', '+1', '−1', '−1', '−1', '−1', '−1', '0', '0']);
    expect(trace.text?.[0][0]).toBe('1');
    const part = bitPlaneRow(
      { zero: Uint8Array.of(0x81, 0xff), plus: Uint8Array.of(2, 0), columns: 9 },
      { start: 1, count: 2 },
    );
    expect((part.data[0] as HeatmapTrace).text?.[2]).toEqual(['+1', '−1']);
  });

  test('damaged planes, short planes and stretches outside the row are errors', () => {
    expect(() => bitPlaneRow({ zero: Uint8Array.of(1), plus: Uint8Array.of(1), columns: 8 })).toThrow(/both at 0/);
    expect(() => bitPlaneRow({ zero: Uint8Array.of(1), plus: Uint8Array.of(1), columns: 9 })).toThrow(
      /expected 2 bytes/,
    );
    expect(() => bitPlaneRow({ zero: [0], plus: [0], columns: 8 }, { start: 7, count: 2 })).toThrow(
      /within the 8 weights/,
    );
  });
});

describe('activations and residuals', () => {
  test('codes are counted one by one', () => {
    const figure = activationHistogram(Int8Array.of(-128, 0, 0, 127));
    const trace = figure.data[0] as BarTrace;
    expect(trace.x).toHaveLength(256);
    expect([trace.y[0], trace.y[128], trace.y[255]]).toEqual([25, 50, 25]);
    expect(note(figure)).toContain('50.00 % zero, 50.00 % at the ends');
    expect(() => activationHistogram([0.5])).toThrow(/int8 codes/);
    expect(() => activationHistogram([128])).toThrow(/int8 codes/);
  });

  test('norms of each token at each place; many tokens become mean and range', () => {
    const figure = residualNorms([tensor([2, 2], (i) => [3, 4, 0, 0][i]), tensor([2, 2], (i) => [6, 8, 1, 0][i])], {
      tokens: ['a', 'b'],
    });
    expect((figure.data as ScatterTrace[]).map(({ y }) => y)).toEqual([
      [5, 10],
      [0, 1],
    ]);
    const many = residualNorms(tensor([3, 20], (i) => i + 1));
    expect(many.data).toHaveLength(1);
    expect((many.data[0] as ScatterTrace).y[0]).toBe(10.5);
    expect((many.data[0] as ScatterTrace).error_y?.array[0]).toBe(9.5);
    expect(note(many)).toContain('mean over 20 tokens');
    expect(() => residualNorms([tensor([2, 2], () => 1), tensor([3, 2], () => 1)])).toThrow(/expected 2 tokens/);
  });
});

describe('benchmarks', () => {
  const receipt = (extra: Partial<ReceiptLike>): ReceiptLike => ({
    build_commit: 'abcdef0123456',
    cpu_info: 'Some CPU',
    n_threads: 1,
    n_prompt: 0,
    n_gen: 128,
    median_ts: 10,
    ...extra,
  });

  test('bars of receipts name machine and commit; a missing test is a hole', () => {
    const figure = receiptBars([
      receipt({}),
      receipt({ n_threads: 2, median_ts: 19 }),
      receipt({ n_prompt: 512, n_gen: 0, median_ts: 99 }),
    ]);
    expect(figure.layout.xaxis.ticktext).toEqual(['tg128', 'pp512']);
    expect((figure.data as BarTrace[]).map(({ y }) => y)).toEqual([
      [10, 99],
      [19, null],
    ]);
    expect(note(figure)).toContain('Some CPU');
    expect(note(figure)).toContain('abcdef012345');
    expect(note(figure)).not.toContain('NaN');
  });

  test('nothing is drawn without a receipt', () => {
    expect(() => receiptBars([])).toThrow(/at least one receipt/);
    expect(() => receiptBars([receipt({ cpu_info: '' })])).toThrow(/Plots are drawn from receipts only/);
    expect(() => receiptBars([receipt({ median_ts: NaN })])).toThrow(/positive median_ts/);
  });

  test('the interval of the median comes from order statistics', () => {
    const of = (n: number): readonly [number, number] =>
      medianInterval(receipt({ samples_ts: Array.from({ length: n }, (_, i) => n - i) }));
    // Standard table: n = 5 has none at 95 % (ends), n = 9: ranks 2 and 8, n = 20: ranks 6 and 15.
    expect(of(5)).toEqual([1, 5]);
    expect(of(9)).toEqual([2, 8]);
    expect(of(20)).toEqual([6, 15]);
    expect(medianInterval(receipt({ interval_ts: [8, 12], samples_ts: [1] }))).toEqual([8, 12]);
    expect(medianInterval(receipt({}))).toEqual([10, 10]);
  });

  test('a roofline bends at the ridge and tells the share of the roof', () => {
    const figure = roofline([{ name: 'gemv', ops: 4e9, bytes: 1e9, seconds: 0.1 }], { bandwidth: 20, compute: 400 });
    expect((figure.data[0] as ScatterTrace).x[1]).toBe(20);
    expect((figure.data[1] as ScatterTrace).y).toEqual([40]);
    expect((figure.data[1] as ScatterTrace).hovertext?.[0]).toContain('50.0 % of the memory roof');
    expect(() => roofline([{ name: 'x', ops: 1, bytes: 0, seconds: 1 }], { bandwidth: 1, compute: 1 })).toThrow(
      /positive bytes in x/,
    );
  });

  test('samplers are compared over the likeliest tokens of the first', () => {
    const figure = samplerDistributions(
      [
        { name: 'greedy', values: [0, 1, 0] },
        { name: 't = 1', values: [0.2, 0.5, 0.3] },
      ],
      { top: 2, decode: (id) => ` w${id}` },
    );
    expect(figure.layout.xaxis.ticktext).toEqual(['·w1', '·w0']);
    expect((figure.data as BarTrace[]).map(({ y }) => y)).toEqual([
      [1, 0],
      [0.5, 0.2],
    ]);
    expect(note(figure)).toContain('t = 1: 3 tokens possible, 30.0 % not shown');
    expect(() => samplerDistributions([{ name: 'logits', values: [3, -1] }])).toThrow(/Apply softmax/);
  });
});

test('a figure prints as one line and knows itself', () => {
  const figure = heatmap([[1]], { title: 'A & B', note: 'n' });
  expect(inspect(figure)).toBe('Figure "A & B" (n): heatmap');
  expect(isFigure(figure)).toBe(true);
  expect(isFigure(JSON.parse(JSON.stringify(figure)))).toBe(true);
  expect(isFigure({ data: [] })).toBe(false);
  expect(isFigure(null)).toBe(false);
});
