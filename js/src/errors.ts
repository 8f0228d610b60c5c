/** Every error that posmoe throws on purpose. */

/** Base of them all. */
export class PosmoeError extends Error {
  override name = "PosmoeError";
}

/** What was given to be parsed cannot be parsed. */
export class InputError extends PosmoeError {
  override name = "InputError";
}

/** A model bundle is missing, cut short, altered, of another version, or at odds with itself. */
export class BundleError extends PosmoeError {
  override name = "BundleError";
}

/** Arc scores from which no tree can be built. */
export class DecodeError extends PosmoeError {
  override name = "DecodeError";
}

/** An engine cannot be had, or failed at its work. */
export class EngineError extends PosmoeError {
  override name = "EngineError";
}

/** The parser was used after `dispose`. */
export class DisposedError extends PosmoeError {
  override name = "DisposedError";
}

const CLASSES = { PosmoeError, InputError, BundleError, DecodeError, EngineError, DisposedError };

/** An error of the class of that name, such as one that came from a worker; another name gives a PosmoeError. */
export function named(name: string, message: string): PosmoeError {
  const Class = Object.hasOwn(CLASSES, name) ? CLASSES[name as keyof typeof CLASSES] : PosmoeError;
  return new Class(message);
}

/** The message of whatever was thrown. */
export function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A value as a message may show it. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
