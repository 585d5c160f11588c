import { interruptSignal, releaseInterrupt, withInterrupt } from '../../src/notebook';

const listeners = (): number => process.listenerCount('SIGINT');
const interrupt = (): boolean => process.emit('SIGINT', 'SIGINT');

test('importing registers nothing, and nothing is registered in the synchronous part of a call', async () => {
  expect(listeners()).toBe(0);
  const pending = interruptSignal();
  expect(listeners()).toBe(0);
  await Promise.resolve();
  expect(listeners()).toBe(0);
  const signal = await pending;
  expect(listeners()).toBe(1);
  releaseInterrupt(signal);
  releaseInterrupt(signal);
  expect(listeners()).toBe(0);
});

test('an interrupt aborts the signal once and leaves no listener', async () => {
  const signal = await interruptSignal();
  expect(signal.aborted).toBe(false);
  interrupt();
  expect(signal.aborted).toBe(true);
  expect((signal.reason as Error).name).toBe('AbortError');
  expect(listeners()).toBe(0);
});

test('the next signal releases the one before', async () => {
  const first = await interruptSignal();
  const second = await interruptSignal();
  expect(listeners()).toBe(1);
  interrupt();
  expect([first.aborted, second.aborted]).toEqual([false, true]);
});

test('withInterrupt listens while the work runs, however it ends', async () => {
  await expect(withInterrupt((signal) => Promise.resolve(signal.aborted))).resolves.toBe(false);
  await expect(withInterrupt(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(listeners()).toBe(0);
  const stopped = await withInterrupt(async (signal) => {
    expect(listeners()).toBe(1);
    interrupt();
    return Promise.resolve(signal.aborted);
  });
  expect(stopped).toBe(true);
});
