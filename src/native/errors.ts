/** What an error carries beside its text. */
export interface ErrorInfo {
  /** Name of the operation or function that found the fault; becomes the `[op]` in front of the text. */
  readonly op?: string;
  /** Machine-readable facts: shapes, names, offsets, whatever a program may want to look at. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The error underneath, when there is one. */
  readonly cause?: unknown;
}

/**
 * Base of every error that Rotor throws on purpose.
 *
 * The text reads `[op] expected …, received …. How to fix.`
 */
export abstract class RotorError extends Error {
  /** Stable name of the kind of error, for programs: `ROTOR_SHAPE`, `ROTOR_LOAD`, … */
  abstract readonly code: string;
  /** Name of the operation or function that found the fault. */
  readonly op?: string;
  /** Machine-readable facts about the fault. */
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param text what was expected, what was received, how to fix it (without the `[op]`)
   * @param info operation, facts and cause
   */
  constructor(text: string, info: ErrorInfo = {}) {
    super(info.op === undefined ? text : `[${info.op}] ${text}`, 'cause' in info ? { cause: info.cause } : undefined);
    this.name = new.target.name;
    if (info.op !== undefined) this.op = info.op;
    this.details = info.details ?? {};
  }
}

/** Shapes that do not fit together. */
export class ShapeError extends RotorError {
  readonly code = 'ROTOR_SHAPE';
}

/** A dtype that an operation does not take. */
export class DTypeError extends RotorError {
  readonly code = 'ROTOR_DTYPE';
}

/** A device that is unknown, missing, or not the one the other inputs live on. */
export class DeviceError extends RotorError {
  readonly code = 'ROTOR_DEVICE';
}

/** Something that cannot be recorded, such as reading data while a program is captured. */
export class CaptureError extends RotorError {
  readonly code = 'ROTOR_CAPTURE';
}

/** A file that is missing, truncated, malformed, or does not fit the rest of the model. */
export class LoadError extends RotorError {
  readonly code = 'ROTOR_LOAD';
}

/** Well-formed input that Rotor has no implementation for. */
export class UnsupportedError extends RotorError {
  readonly code = 'ROTOR_UNSUPPORTED';
}

/** Use of a tensor, model or program after it was disposed. */
export class DisposedError extends RotorError {
  readonly code = 'ROTOR_DISPOSED';
}

/** An argument or option with an unknown name or a value out of range. */
export class OptionError extends RotorError {
  readonly code = 'ROTOR_OPTION';
}

/** More positions than the context of the model or cache holds. */
export class ContextError extends RotorError {
  readonly code = 'ROTOR_CONTEXT';
}

/** A fault inside the native addon, or an addon that cannot be loaded. */
export class NativeError extends RotorError {
  readonly code = 'ROTOR_NATIVE';
}
