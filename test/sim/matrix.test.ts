import { native } from '../../src/native/addon';
import { testMatrix } from '../ops/matrix';
import { describeSim, simVariants } from './addon';

jest.mock('../../build/Release/rotor.node', () => jest.requireActual('../../build/Release/rotor-sim.node'));

// The op matrix on emulated targets, with scalar first: they give its bits.
describeSim('emulated targets', () => {
  test('are in the addon', () => {
    expect(native().deviceInfo().variants).toEqual(expect.arrayContaining(['scalar', ...simVariants]));
  });
  testMatrix(() => ['scalar', ...simVariants], [1, 3]);
});
