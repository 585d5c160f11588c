import { native } from '../../src/native/addon';
import { allOps } from '../../src/ops/registry';
import { testMatrix } from './matrix';

// op x variant x threads x case, generated from the OpDefs.
testMatrix(() => native().deviceInfo().variants, [1, 2, 3]);

test('every native op has a declaration and the other way round', () => {
  expect([...allOps.map((d) => d.name)].sort()).toEqual([...native().opTable()].sort());
});
