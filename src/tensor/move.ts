import { DeviceError } from '../native/errors';
import { checkDevice, empty } from './create';
import type { DeviceName } from './dtype';
import type { Tensor } from './tensor';

/**
 * A copy of a tensor on another device, or the tensor itself when it is there already. `f32` becomes float64 on
 * `reference` and is rounded to float32 on the way back.
 *
 * @throws DeviceError for packed weights, whose layout belongs to their device
 */
export function moveTo(x: Tensor, device: DeviceName): Tensor {
  checkDevice('to', device);
  x.checkAlive('to');
  if (x.device === device) return x;
  if (x.storage.layout !== undefined) {
    throw new DeviceError(
      'expected plain elements, received packed ternary weights. Move the Ternary they belong to.',
      { op: 'to' },
    );
  }
  const y = empty(x.shape, x.dtype, device);
  y.storage.write(y.dtype, 0, x.data());
  return y;
}
