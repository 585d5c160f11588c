import * as errors from '../../src/native/errors';
import { checkOptions, describe as describeValue, nearestName } from '../../src/native/options';

const { LoadError, OptionError, RotorError } = errors;

function caught(body: () => unknown): errors.RotorError {
  try {
    body();
  } catch (error) {
    return error as errors.RotorError;
  }
  throw new Error('expected an error, received none');
}

describe('errors', () => {
  it('carry op, code, details and cause', () => {
    const cause = new Error('disk');
    const error = new LoadError('expected a file, received nothing. Check the path.', {
      op: 'loadModel',
      details: { path: 'x' },
      cause,
    });
    expect(error).toBeInstanceOf(RotorError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('LoadError');
    expect(error.code).toBe('ROTOR_LOAD');
    expect(error.op).toBe('loadModel');
    expect(error.details).toEqual({ path: 'x' });
    expect(error.cause).toBe(cause);
    expect(error.message).toBe('[loadModel] expected a file, received nothing. Check the path.');
  });

  it('have no bracket without an op, and no cause when none is given', () => {
    const error = new OptionError('plain');
    expect(error.message).toBe('plain');
    expect('op' in error && error.op !== undefined).toBe(false);
    expect('cause' in error).toBe(false);
    expect(error.details).toEqual({});
  });

  it('have distinct codes', () => {
    const classes = Object.values(errors).filter((c) => c !== RotorError) as unknown as (new (
      text: string,
    ) => errors.RotorError)[];
    expect(classes).toHaveLength(10);
    expect(new Set(classes.map((c) => new c('x').code)).size).toBe(10);
  });
});

describe('checkOptions', () => {
  const allowed = ['temperature', 'topK', 'topP', 'seed'];

  it('passes known names, none at all, and undefined', () => {
    expect(() => checkOptions('generate', { topK: 1, seed: undefined }, allowed)).not.toThrow();
    expect(() => checkOptions('generate', {}, allowed)).not.toThrow();
    expect(() => checkOptions('generate', undefined, allowed)).not.toThrow();
  });

  it('names the nearest option', () => {
    const error = caught(() => checkOptions('generate', { temprature: 1 }, allowed));
    expect(error).toBeInstanceOf(OptionError);
    expect(error.message).toBe(
      '[generate] expected options among temperature, topK, topP, seed, received "temprature". Did you mean "temperature"?',
    );
    expect(error.details).toEqual({ name: 'temprature', allowed, nearest: 'temperature' });
  });

  it('suggests nothing when nothing is near', () => {
    expect(caught(() => checkOptions('generate', { banana: 1 }, allowed)).message).toContain('Remove it.');
    expect(caught(() => checkOptions('f', { x: 1 }, [])).message).toBe(
      '[f] expected no options, received "x". Remove it.',
    );
  });

  it.each([[null], [3], ['topK'], [[1]], [new Float32Array(2)], [() => 1]])('refuses %p', (given) => {
    expect(caught(() => checkOptions('generate', given, allowed))).toBeInstanceOf(OptionError);
  });

  it('sees own names of objects without a prototype', () => {
    const given = Object.assign(Object.create(null) as object, { sed: 1 });
    expect(caught(() => checkOptions('g', given, allowed)).message).toContain('"seed"');
  });
});

describe('nearestName', () => {
  it.each([
    ['topk', 'topK'],
    ['tpoK', 'topK'],
    ['sed', 'seed'],
    ['maxTokens', 'maxTokens'],
    ['max_tokens', 'maxTokens'],
    ['tokensMax', undefined],
    ['', undefined],
  ])('%s -> %s', (name, expected) => {
    expect(nearestName(name, ['topK', 'seed', 'maxTokens'])).toBe(expected);
  });

  it('gives up at once on something that is no name', () => {
    expect(nearestName('x'.repeat(1e6), ['topK'])).toBeUndefined();
  });
});

describe('describe', () => {
  it.each([
    [null, 'null'],
    [undefined, 'undefined'],
    ['a"b', '"a\\"b"'],
    [1.5, '1.5 (number)'],
    [true, 'true (boolean)'],
    [Symbol('s'), 'Symbol(s) (symbol)'],
    [[1, 2], 'an array of 2'],
    [new Uint8Array(1), 'Uint8Array'],
    [{}, 'Object'],
  ])('%p', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });
});
