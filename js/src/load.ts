/** Loading a model. */

import { Core } from "./core.js";
import { EngineError, InputError, shown } from "./errors.js";
import { type Bundle, type BundleBytes, type Bytes, readBundle, readModule } from "./files.js";
import { compile, instantiate } from "./module.js";
import { OnnxRuntime, type OrtModule } from "./onnxruntime.js";
import { AsyncParser, type Model, Parser } from "./parser.js";

export interface LoadOptions {
  /** A bundle: its folder's URL (in Node also its path), or its bytes. Without it the English model of the package. */
  bundle?: string | URL | BundleBytes;
  /** posmoe.wasm: its URL, its bytes, or the compiled module. Without it the package's own. */
  wasm?: string | URL | Bytes | WebAssembly.Module;
  /** `native`, which is the default, gives a `Parser`; `onnxruntime` an `AsyncParser`. */
  engine?: "native" | "onnxruntime";
  /** The native engine's kernels: `wasm` (SIMD, the default) or `plain`, which is slower and gives the same bits. */
  instructionSet?: "wasm" | "plain";
  /** ONNX Runtime's module; in Node `onnxruntime-node` is taken where none is given. */
  ort?: OrtModule;
  /** Options for ONNX Runtime's session. */
  sessionOptions?: object;
}

let packaged: Promise<WebAssembly.Module> | undefined;

/** Loads a model.
 *
 * @throws {InputError} an option is of another type.
 * @throws {BundleError} the bundle cannot be read, or is not whole.
 * @throws {EngineError} this JavaScript engine lacks WebAssembly SIMD, the network cannot be computed by the native
 *   engine, or ONNX Runtime is not there.
 */
export async function load(options?: LoadOptions & { engine?: "native" }): Promise<Parser>;
export async function load(options: LoadOptions & { engine: "onnxruntime" }): Promise<AsyncParser>;
export async function load(options: LoadOptions): Promise<Parser | AsyncParser>;
export async function load(options: LoadOptions = {}): Promise<Parser | AsyncParser> {
  if (typeof options !== "object" || options === null) throw new InputError(`expected options, got ${shown(options)}.`);
  const { engine = "native" } = options;
  if (engine !== "native" && engine !== "onnxruntime") {
    throw new InputError(`expected engine to be "native" or "onnxruntime", got ${shown(engine)}.`);
  }
  const { instructionSet } = options;
  if (instructionSet !== undefined && instructionSet !== "wasm" && instructionSet !== "plain") {
    throw new InputError(`expected instructionSet to be "wasm" or "plain", got ${shown(instructionSet)}.`);
  }
  const onnxruntime = engine === "onnxruntime";
  const [module, bundle] = await Promise.all([moduleOf(options.wasm), readBundle(options.bundle, onnxruntime)]);
  const core = new Core(await instantiate(module), bundle, instructionSet);
  const model = modelOf(core, bundle);
  if (onnxruntime) {
    const sizes = { tags: model.tags.length, rank: core.rank, rows: rowsOf(model) };
    return new AsyncParser(core, model, await OnnxRuntime.open(bundle, sizes, options.ort, options.sessionOptions ?? {}));
  }
  if (core.instructionSet === "") {
    throw new EngineError(
      `the native engine can't run the network of ${model.name}. Take load({ engine: "onnxruntime" }).`,
    );
  }
  return new Parser(core, model);
}

async function moduleOf(given: LoadOptions["wasm"]): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== "undefined" && given instanceof WebAssembly.Module) return given;
  if (given !== undefined) return compile(await readModule(given as Exclude<typeof given, WebAssembly.Module>));
  packaged ??= readModule(undefined).then(compile);
  try {
    return await packaged;
  } catch (error) {
    packaged = undefined;
    throw error;
  }
}

/** The core has checked the manifest. */
function modelOf(core: Core, bundle: Bundle): Model {
  const manifest = JSON.parse(new TextDecoder().decode(bundle.manifest)) as Record<string, unknown>;
  const { name, version, language, licence, tags, labels } = manifest as unknown as Model;
  return { name, version, language, licence: licence ?? "unknown", tags, labels, maxSentence: core.longest, manifest };
}

/** Rows of the feature table: padding, dropped word, and those of every kind of feature. */
function rowsOf(model: Model): number {
  const features = model.manifest["features"] as Record<string, number>;
  return Object.entries(features).reduce((rows, [name, size]) => (name === "version" ? rows : rows + size), 2);
}
