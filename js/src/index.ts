/** posmoe: raw text to Universal Dependencies trees, in Node and in the browser. */

export type { Analysis, Scores } from "./core.js";
export {
  type Columns,
  Document,
  type DocumentJSON,
  type Multiword,
  Sentence,
  type SentenceJSON,
  Token,
  type TokenJSON,
  type Tree,
} from "./document.js";
export { BundleError, DecodeError, DisposedError, EngineError, InputError, PosmoeError } from "./errors.js";
export type { BundleBytes, Bytes } from "./files.js";
export { load, type LoadOptions } from "./load.js";
export type { OrtModule, OrtSession } from "./onnxruntime.js";
export { AsyncParser, type Model, Parser } from "./parser.js";
export type { KnownTags, PipeOptions, TextOptions } from "./request.js";
