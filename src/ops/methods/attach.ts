import { Tensor } from '../../tensor/tensor';

/** Functions whose first argument is the tensor that the method is called on. */
type Functions = Record<string, (x: Tensor, ...rest: never[]) => unknown>;

/** Gives every tensor the functions as methods: `f(x, y)` becomes `x.f(y)`. Their types come from module augmentation. */
export function attachMethods(functions: Functions): void {
  for (const [name, f] of Object.entries(functions)) {
    if (name in Tensor.prototype) throw new Error(`Tensor.${name} exists already.`);
    const method = function (this: Tensor, ...rest: never[]): unknown {
      return f(this, ...rest);
    };
    Object.defineProperty(Tensor.prototype, name, { value: method, configurable: true, writable: true });
  }
}
