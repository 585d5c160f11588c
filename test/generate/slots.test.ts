import { SlotTable } from '../../src/generate/slots';

const numbers = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

describe('SlotTable', () => {
  // A table whose slots were used, in order, for these texts.
  const used = (...texts: number[][]): SlotTable => {
    const table = new SlotTable(texts.length);
    const slots = texts.map((text) => {
      const slot = table.take([], 0)?.slot ?? -1;
      table.extend(slot, text);
      return slot;
    });
    for (const slot of slots) table.release(slot);
    return table;
  };

  test('a prompt that goes on with a text gets its slot', () => {
    const table = used([9, 9], numbers(20), numbers(10));
    expect(table.take(numbers(30), 29)).toEqual({ slot: 1, shared: 20 });
    expect(table.take(numbers(30), 29)).toEqual({ slot: 2, shared: 10 });
    expect(table.take(numbers(30), 29)).toEqual({ slot: 0, shared: 0 });
    expect(table.take(numbers(30), 29)).toBeUndefined();
  });

  test('no more is shared than may be', () => {
    expect(used(numbers(20)).take(numbers(20), 19)).toEqual({ slot: 0, shared: 19 });
    expect(used(numbers(20)).take(numbers(20), 0)).toEqual({ slot: 0, shared: 0 });
  });

  test('a text that goes on otherwise is kept while another slot is free, and can be copied from', () => {
    const table = used([7], numbers(20));
    const prompt = [...numbers(15), 99, 98];
    expect(table.take(prompt, 16)).toEqual({ slot: 0, shared: 0 });
    expect(table.donor(0, prompt, 16)).toEqual({ slot: 1, shared: 15 });
    expect(table.take(numbers(25), 24)).toEqual({ slot: 1, shared: 20 });
  });

  test('the slot that was left first goes first, and its text with it', () => {
    const table = used([1, 2], [3, 4]);
    expect(table.take([5, 6], 1)?.slot).toBe(0);
    table.release(0);
    expect(table.take([5, 6], 1)?.slot).toBe(1);
  });

  test('a few tokens are not copied; nor is what a failure left', () => {
    const table = used([], numbers(20));
    table.take([50], 0);
    expect(table.donor(0, [...numbers(7), 50], 7)).toBeUndefined();
    expect(table.donor(0, [...numbers(8), 50], 8)).toEqual({ slot: 1, shared: 8 });
    table.forget(1);
    expect(table.donor(0, [...numbers(8), 50], 8)).toBeUndefined();
  });
});
