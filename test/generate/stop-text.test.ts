import { StopFilter } from '../../src/generate/stop-text';

// Everything the filter lets through when `text` arrives in the given pieces.
function shown(stops: string[], pieces: string[]): { text: string; stop: string | undefined } {
  const filter = new StopFilter(stops);
  let text = '';
  for (const piece of pieces) {
    const out = filter.push(piece);
    text += out.text;
    if (out.stop !== undefined) return { text, stop: out.stop };
  }
  return { text: text + filter.flush(), stop: undefined };
}

describe('StopFilter', () => {
  test.each([
    ['no stop strings', [], 'abc', 'abc', undefined],
    ['a stop string in the middle', ['END'], 'one END two', 'one ', 'END'],
    ['at the start', ['one'], 'one two', '', 'one'],
    ['a prefix that goes on differently', ['abc'], 'ababd', 'ababd', undefined],
    ['a prefix at the end', ['abc'], 'xxab', 'xxab', undefined],
    ['a repeated prefix', ['aab'], 'aaab', 'a', 'aab'],
    ['the one that ends first', ['bcd', 'c'], 'abcd', 'ab', 'c'],
    ['the longer of two that end together', ['c', 'bc'], 'abc', 'a', 'bc'],
    ['characters of two code units', ['😀!'], 'a😀?😀!', 'a😀?', '😀!'],
  ])('%s, however the text is cut', (_name, stops, text, want, stop) => {
    for (let size = 1; size <= text.length; size++) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
        text.slice(i * size, (i + 1) * size),
      );
      expect(shown(stops, pieces)).toEqual({ text: want, stop });
    }
  });

  test('holds back what may become a stop string, and no more', () => {
    const filter = new StopFilter(['\n\n', 'User:']);
    expect(filter.push('Hello\n')).toEqual({ text: 'Hello' });
    expect(filter.push('there Us')).toEqual({ text: '\nthere ' });
    expect(filter.push('e')).toEqual({ text: '' });
    expect(filter.push('ful')).toEqual({ text: 'Useful' });
    expect(filter.flush()).toBe('');
  });
});
