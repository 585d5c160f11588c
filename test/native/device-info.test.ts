import { deviceInfo, getThreads, memoryStats, setThreads } from '../../src/native/device-info';
import { OptionError } from '../../src/native/errors';
import { tensor } from '../../src/tensor/create';

test('names the variant in use, among those that can run here', () => {
  const [cpu, reference, cuda] = deviceInfo();
  expect(cpu).toMatchObject({ name: 'cpu', selfTest: 'passed', variants: expect.arrayContaining(['scalar']) });
  if (cpu.name === 'cpu') expect(cpu.variants).toContain(cpu.variant);
  expect(reference).toEqual({ name: 'reference', variant: 'float64' });
  expect(cuda.name).toBe('cuda');
  if (!cuda.available) expect(cuda.reason).toMatch(/expected .* received .*/);
});

test('threads can be set, and only to whole numbers from 1', () => {
  const before = getThreads();
  setThreads(3);
  expect(getThreads()).toBe(3);
  setThreads(before);
  for (const bad of [0, -1, 1.5, NaN, 5000]) expect(() => setThreads(bad)).toThrow(OptionError);
  expect(getThreads()).toBe(before);
});

test('memory is counted', () => {
  const before = memoryStats();
  const x = tensor(new Float32Array(1000));
  expect(memoryStats().liveBytes - before.liveBytes).toBe(4000);
  x.dispose();
});
