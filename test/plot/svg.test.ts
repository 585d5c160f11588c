import { inflateSync } from 'node:zlib';
import {
  attentionPattern,
  bar,
  bitPlaneRow,
  heatmap,
  histogram,
  line,
  residualNorms,
  roofline,
  scatter,
  toSvg,
  tokenGrid,
  tritBars,
} from '../../src/plot';
import type { Figure } from '../../src/plot';
import { colorAt, inkOn, toHex } from '../../src/plot/svg/color';
import { encodePng } from '../../src/plot/svg/png';
import { linearTicks, makeScale } from '../../src/plot/svg/scale';
import { DIVERGING } from '../../src/plot/theme';
import type { XmlElement } from './well-formed';
import { findAll, parseXml } from './well-formed';

const nasty = 'a<b>&"\'</svg>\u0000\ud800 ]]> 👍';

const wave = Float64Array.from({ length: 300 }, (_, i) => Math.sin(i / 20));
const stack = { shape: [3, 8, 8], toFloat64Array: () => Float64Array.from({ length: 192 }, (_, i) => (i % 7) / 7) };

const figures: Record<string, Figure> = {
  heatmap: heatmap([[1, -2, NaN]], { title: nasty, xTicks: [nasty, 'b', 'c'], zLabel: nasty }),
  'large heatmap': heatmap({
    shape: [100, 90],
    toFloat64Array: () => Float64Array.from({ length: 9000 }, (_, i) => i - 100),
  }),
  'empty heatmap': heatmap({ shape: [0, 4], toFloat64Array: () => new Float64Array(0) }),
  bars: bar(
    [
      { name: nasty, values: [1, -2, 3], low: [0, -3, 2], high: [2, -1, 4] },
      { name: 'b', values: [2, 2, NaN] },
    ],
    { labels: ['x', nasty, 'z'] },
  ),
  'no bars': bar([]),
  'stacked bars': tritBars([{ name: nasty, minus: 1, zero: 1, plus: 2 }]),
  line: line(wave, { note: nasty }),
  'log line': line([1, 0, 1000, NaN, 10], { logY: true }),
  points: scatter(wave, wave, { xLabel: nasty }),
  histogram: histogram(wave, { logY: true }),
  attention: attentionPattern(stack, { tokens: Array.from({ length: 8 }, (_, i) => nasty + i) }),
  words: tokenGrid([[nasty, 'b']], [[0, 1]]),
  bits: bitPlaneRow({ zero: [5], plus: [2], columns: 8 }),
  norms: residualNorms({ shape: [4, 20], toFloat64Array: () => Float64Array.from({ length: 80 }, (_, i) => 1 + i) }),
  roofline: roofline([{ name: nasty, ops: 1e6, bytes: 1e6, seconds: 1e-3 }], { bandwidth: 10, compute: 100 }),
};

describe.each(Object.entries(figures))('%s', (_, figure) => {
  const svg = toSvg(figure);

  test('is well-formed, of the right size and without a number that is none', () => {
    const root = parseXml(svg);
    expect(root.name).toBe('svg');
    expect(root.attributes['xmlns']).toBe('http://www.w3.org/2000/svg');
    expect(root.attributes['viewBox']).toBe(`0 0 820 ${figure.layout.height}`);
    expect(svg).not.toMatch(/="[^"]*(NaN|Infinity|undefined)/);
    expect(svg).not.toMatch(/<script|<\/svg>./);
  });

  test('is the same text each time, also from JSON', () => {
    expect(toSvg(figure)).toBe(svg);
    expect(toSvg(JSON.parse(JSON.stringify(figure)) as Figure)).toBe(svg);
  });
});

const texts = (root: XmlElement): string[] => findAll(root, 'text').map(({ text }) => text);

test('texts arrive as they were written', () => {
  const root = parseXml(toSvg(heatmap([[1]], { title: 'a <b> & "c"', xLabel: 'time (ms)' })));
  expect(texts(root)).toEqual(expect.arrayContaining(['a <b> & "c"', 'time (ms)', 'row', 'value', '1']));
});

test('cells have the colours of their values', () => {
  const root = parseXml(toSvg(heatmap([[-1, 1]], { values: false })));
  const fills = findAll(root, 'g').flatMap((g) => findAll(g, 'rect').map(({ attributes }) => attributes['fill']));
  expect(fills).toEqual([DIVERGING[0][1], DIVERGING[DIVERGING.length - 1][1]]);
});

test('bars have heights in proportion, and start at zero', () => {
  const root = parseXml(toSvg(bar([1, 2, 4])));
  const heights = findAll(root, 'g').flatMap((g) =>
    findAll(g, 'rect').map(({ attributes }) => Number(attributes['height'])),
  );
  expect(heights[1] / heights[0]).toBeCloseTo(2, 2);
  expect(heights[2] / heights[0]).toBeCloseTo(4, 2);
});

test('a gap splits a line, and a logarithmic axis leaves zero out', () => {
  const paths = (figure: Figure): string => findAll(parseXml(toSvg(figure)), 'path')[0].attributes['d'];
  expect(paths(line([1, 2, NaN, 3, 4])).match(/M/g)).toHaveLength(2);
  expect(paths(line([1, 0, 10, 100], { logY: true })).match(/M/g)).toHaveLength(2);
});

test('a large matrix becomes one picture with the right pixels', () => {
  const root = parseXml(
    toSvg(
      heatmap({
        shape: [30, 40],
        toFloat64Array: () => Float64Array.from({ length: 1200 }, (_, i) => (i === 41 ? NaN : i)),
      }),
    ),
  );
  const [image] = findAll(root, 'image');
  const png = Buffer.from(image.attributes['href'].replace('data:image/png;base64,', ''), 'base64');
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([40, 30]);
  const at = png.indexOf('IDAT');
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  expect(rows).toHaveLength(41 * 30);
  expect([rows[1], rows[41 + 2], rows[41 * 30 - 1]]).toEqual([0, 255, 254]);
});

test('a picture beyond one stored block inflates to what went in', () => {
  const pixels = Uint8Array.from({ length: 400 * 300 }, (_, i) => (i * 7) % 256);
  const png = encodePng(400, 300, pixels, [[1, 2, 3, 255]]);
  const at = png.indexOf('IDAT');
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  expect(Buffer.compare(rows.subarray(401 * 299 + 1), Buffer.from(pixels.subarray(400 * 299)))).toBe(0);
});

test('colours meet their stops, and texts on them can be read', () => {
  expect(toHex(colorAt(DIVERGING, 0.5))).toBe('#f7f7f7');
  expect(toHex(colorAt(DIVERGING, -1))).toBe(DIVERGING[0][1]);
  expect(
    toHex(
      colorAt(
        [
          [0, '#000000'],
          [1, '#ffffff'],
        ],
        0.5,
      ),
    ),
  ).toBe('#808080');
  expect(inkOn([255, 255, 255])).toBe('#222222');
  expect(inkOn([0, 0, 60])).toBe('#ffffff');
});

test('ticks are round numbers', () => {
  expect(linearTicks(0, 1, 300)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(linearTicks(-3, 3, 200)).toEqual([-2, 0, 2]);
  expect(linearTicks(5, 5, 200)).toEqual([]);
  const log = makeScale({ type: 'log' }, { min: 1, max: 1e6 }, 0, 600);
  expect(log.ticks.map(({ label }) => label)).toEqual(['1', '10', '100', '1000', '10000', '1e5', '1e6']);
  expect(log.at(1e3)).toBeCloseTo(300);
});

test('sizes that cannot hold a figure are refused', () => {
  expect(() => toSvg(figures['line'], { width: 10 })).toThrow(/at least 100 pixels/);
  expect(() => toSvg(figures['line'], { widht: 500 } as never)).toThrow(/Did you mean "width"/);
});
