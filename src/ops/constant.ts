import { keep } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { activeRecorder } from './recorder';

/**
 * Lets go of a tensor that a composite made for its own use. A program that is being captured reads it at every step, so
 * then it stays.
 */
export function releaseConstant(x: Tensor): void {
  if (activeRecorder() === undefined) x.dispose();
  else keep(x);
}
