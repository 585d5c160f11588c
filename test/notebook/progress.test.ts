import { progress, streamText, textStream, track } from '../../src/notebook';
import { useWriter } from '../../src/notebook/kernel';
import { capture, recordDisplays } from './recorder';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  useWriter(undefined);
  jest.useRealTimers();
});

describe('progress in a notebook', () => {
  test('ten thousand updates in one turn are two messages, the last one complete', () => {
    const { shown } = recordDisplays();
    const bar = progress({ total: 10_000, label: 'load', unit: 'MB' });
    for (let i = 0; i < 10_000; i++) bar.tick();
    bar.done();
    expect(shown).toHaveLength(2);
    expect(shown[0].update).toBe(false);
    expect(shown[1]).toMatchObject({ update: true, id: shown[0].id });
    expect(shown[1].text).toContain('100 % · 10000/10000 MB');
    expect(shown[1].html).toContain('width:100.0%');
  });

  test('updates are at least 100 ms apart', () => {
    const { shown } = recordDisplays();
    const bar = progress({ total: 1000 });
    for (let i = 0; i < 1000; i++) {
      bar.tick();
      jest.advanceTimersByTime(1);
    }
    bar.done();
    expect(shown.length).toBeGreaterThanOrEqual(10);
    expect(shown.length).toBeLessThanOrEqual(12);
  });

  test('a state that nothing follows is drawn by itself', () => {
    const { shown } = recordDisplays();
    const bar = progress({ total: 4 });
    bar.update(3, 'almost');
    expect(shown).toHaveLength(1);
    jest.advanceTimersByTime(100);
    expect(shown).toHaveLength(2);
    expect(shown[1].text).toContain('75 % · 3/4');
    expect(shown[1].text).toContain('almost');
  });

  test('takes the reports of drivers, and an unknown total', () => {
    const { shown } = recordDisplays();
    const bar = progress({ label: 'x' });
    bar.report({ done: 1, total: 2, label: 'weights' });
    bar.fail('stopped');
    bar.done();
    bar.update(2);
    jest.advanceTimersByTime(1000);
    expect(shown[shown.length - 1].text).toMatch(/^weights {2}.* 50 % · 1\/2 · failed in .* · stopped$/);
    const counter = progress({ unit: 'tokens' });
    counter.report(7);
    counter.done();
    expect(shown[shown.length - 1].text).toMatch(/^7 tokens/);
  });

  test('labels are escaped', () => {
    const { shown } = recordDisplays();
    progress({ label: '<b>' }).done('<i>');
    expect(shown[1].html).toContain('&lt;b&gt;');
    expect(shown[1].html).not.toContain('<i>');
  });

  test('refuses a total that is none, and unknown options', () => {
    expect(() => progress({ total: NaN })).toThrow(/\[progress\] expected a total/);
    expect(() => progress({ totl: 1 } as never)).toThrow(/Did you mean "total"/);
  });

  test('track ends its bar with the loop, also when the loop stops early', async () => {
    const { shown } = recordDisplays();
    const seen: number[] = [];
    for await (const x of track([1, 2, 3])) seen.push(x);
    expect(seen).toEqual([1, 2, 3]);
    expect(shown[shown.length - 1].text).toContain('3/3');
    for await (const x of track([1, 2, 3])) if (x === 2) break;
    expect(shown[shown.length - 1].text).toContain('stopped');
  });
});

describe('progress elsewhere', () => {
  test('goes to stderr: a line at the start, one at the end, little between', async () => {
    const text = await capture(process.stderr, () => {
      const bar = progress({ total: 100, label: 'load' });
      for (let i = 0; i < 100; i++) {
        bar.tick();
        jest.advanceTimersByTime(10);
      }
      bar.done();
    });
    expect(text.split('\n').filter(Boolean).length).toBe(2);
    expect(text).toMatch(/load .*100 %.*\n$/);
  });

  test('on a terminal it is redrawn in place', async () => {
    const before = process.stderr.isTTY;
    process.stderr.isTTY = true;
    try {
      const text = await capture(process.stderr, () => progress({ total: 1 }).done());
      expect(text).toMatch(/^\r.*\x1b\[K\r.*100 %.*\x1b\[K\n$/);
    } finally {
      process.stderr.isTTY = before;
    }
  });
});

describe('streams', () => {
  async function* words(...all: (string | { text: string })[]) {
    for (const word of all) yield await Promise.resolve(word);
  }

  test('grow in one output, escaped, and end with all of the text', async () => {
    const { shown } = recordDisplays();
    const text = await streamText(words('<b>', { text: ' & ' }, ...Array.from({ length: 2000 }, () => 'x')), {
      prompt: 'Q: ',
    });
    expect(text).toBe(`<b> & ${'x'.repeat(2000)}`);
    expect(shown.length).toBeLessThanOrEqual(3);
    const last = shown[shown.length - 1];
    expect(last.text).toBe(`Q: ${text}`);
    expect(last.html).toContain('&lt;b&gt; &amp; xxx');
    expect(new Set(shown.map(({ id }) => id)).size).toBe(1);
  });

  test('draw what came before an error, and pass the error on', async () => {
    const { shown } = recordDisplays();
    async function* failing() {
      yield await Promise.resolve('some');
      throw new Error('broken');
    }
    await expect(streamText(failing())).rejects.toThrow('broken');
    expect(shown[shown.length - 1].text).toBe('some');
  });

  test('outside a notebook they are plain stdout', async () => {
    const text = await capture(process.stdout, async () => {
      await streamText(words('a', 'b'), { prompt: '> ' });
      const out = textStream();
      out.write('c');
      out.end('3 tokens/s');
      out.end();
      out.write('late');
      expect(out.text).toBe('c');
    });
    expect(text).toBe('> ab\nc\n3 tokens/s\n');
    expect(() => textStream({ promt: 'x' } as never)).toThrow(/Did you mean "prompt"/);
  });
});
