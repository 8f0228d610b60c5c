/** The WebAssembly module: what it needs from its host, and its exports. */

import { EngineError, reason } from "./errors.js";

type Pointer = number;

/** What js/core/module.cc exports. Pointers and sizes are unsigned numbers, null is 0. */
export interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  take(bytes: number): Pointer;
  give(memory: Pointer): void;
  error(): Pointer;
  load(
    manifest: Pointer, manifestSize: number, weights: Pointer, weightsSize: number,
    graph: Pointer, graphSize: number, instructionSet: Pointer,
  ): Pointer;
  texts(utf8: Pointer, sizes: Pointer, count: number, lines: boolean): Pointer;
  tokens(utf8: Pointer, sizes: Pointer, words: Pointer, sentences: number, tags: Pointer): Pointer;
  parse(work: Pointer): number;
  batch(work: Pointer): Pointer;
  score(
    work: Pointer, tags: Pointer, arcs: Pointer, heads: Pointer, candidates: number,
    dependents: Pointer, labelHeads: Pointer,
  ): number;
  scores(work: Pointer): Pointer;
  rank(
    work: Pointer, k: number, arcs: Pointer, heads: Pointer, candidates: number,
    dependents: Pointer, labelHeads: Pointer,
  ): Pointer;
  columns(work: Pointer, index: number): Pointer;
  drop(work: Pointer): void;
}

// The smallest modules that use a vector of 128 bits, and a `try`: engines that refuse them cannot run ours.
const HEADER = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0];
const NEEDS: [string, number[]][] = [
  ["SIMD", [...HEADER, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11]],
  ["exception handling", [...HEADER, 10, 8, 1, 6, 0, 6, 64, 25, 11, 11]],
];

/** Compiles the module.
 *
 * @throws {EngineError} this JavaScript engine has no WebAssembly or lacks a part of it, or the bytes are no module.
 */
export async function compile(bytes: Uint8Array): Promise<WebAssembly.Module> {
  if (typeof WebAssembly === "undefined") throw new EngineError("this JavaScript engine has no WebAssembly.");
  const missing = NEEDS.filter(([, probe]) => !WebAssembly.validate(new Uint8Array(probe))).map(([name]) => name);
  if (missing.length > 0) {
    throw new EngineError(
      `this JavaScript engine's WebAssembly lacks ${missing.join(" and ")}. posmoe runs in Chrome and Edge from 95, ` +
        "Firefox from 100, Safari from 16.4 and Node.js from 20.",
    );
  }
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    throw new EngineError(`posmoe.wasm cannot be compiled: ${reason(error)}.`);
  }
}

/** A fresh instance with memory of its own. It gets no files, no network and no clock: only what C++ cannot link without. */
export async function instantiate(module: WebAssembly.Module): Promise<Exports> {
  const imports: Record<string, Record<string, unknown>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => UNSUPPORTED;
  }
  let memory: WebAssembly.Memory | undefined;
  Object.assign((imports["wasi_snapshot_preview1"] ??= {}), {
    proc_exit: (code: number) => {
      throw new Error(`the module stopped with code ${code}`);
    },
    environ_sizes_get: (count: number, size: number) => {
      new DataView(memory!.buffer).setUint32(count, 0, true);
      new DataView(memory!.buffer).setUint32(size, 0, true);
      return 0;
    },
    environ_get: () => 0,
  });
  try {
    const instance = await WebAssembly.instantiate(module, imports as WebAssembly.Imports);
    const exports = instance.exports as unknown as Exports;
    memory = exports.memory;
    exports._initialize();
    return exports;
  } catch (error) {
    throw new EngineError(`posmoe.wasm cannot be started: ${reason(error)}.`);
  }
}

const UNSUPPORTED = 52; // ENOSYS
