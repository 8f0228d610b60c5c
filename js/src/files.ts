/** The bytes of a bundle's files and of the WebAssembly module: from the package, a URL, a folder, or memory. */

import { BundleError, EngineError, InputError, type PosmoeError, reason } from "./errors.js";

export type Bytes = Uint8Array | ArrayBuffer;

/** A bundle's files in memory. The graph is needed by ONNX Runtime alone; where it is there, it is checked. */
export interface BundleBytes {
  manifest: Bytes;
  weights: Bytes;
  graph?: Bytes;
}

/** A bundle in memory, as everything behind it reads it. */
export interface Bundle {
  manifest: Uint8Array;
  weights: Uint8Array;
  graph?: Uint8Array;
}

/** Reads a bundle: the package's own, a folder by its URL (in Node also by its path), or bytes.
 *
 * @param graph whether the graph is needed.
 * @throws {BundleError} a file cannot be read.
 */
export async function readBundle(given: string | URL | BundleBytes | undefined, graph: boolean): Promise<Bundle> {
  if (given !== undefined && typeof given !== "string" && !(given instanceof URL)) return bundleOf(given, graph);
  const urls = given === undefined ? packaged() : inFolder(await urlOf(given));
  const read = (url: URL) => readFile(url, BundleError);
  const [manifest, weights] = await Promise.all([read(urls.manifest), read(urls.weights)]);
  return graph ? { manifest, weights, graph: await read(urls.graph) } : { manifest, weights };
}

/** The module's bytes: those given, those of the URL, or the package's own. */
export async function readModule(given: URL | string | Bytes | undefined): Promise<Uint8Array> {
  if (given instanceof Uint8Array || given instanceof ArrayBuffer) return viewOf(given, "wasm");
  const url = given === undefined ? new URL("./posmoe.wasm", import.meta.url) : await urlOf(given);
  return readFile(url, EngineError);
}

interface Urls {
  manifest: URL;
  weights: URL;
  graph: URL;
}

/** Spelt out one by one, so that bundlers find the files and take them along. */
function packaged(): Urls {
  return {
    manifest: new URL("./models/en-edge/manifest.json", import.meta.url),
    weights: new URL("./models/en-edge/weights.safetensors", import.meta.url),
    graph: new URL("./models/en-edge/model.onnx", import.meta.url),
  };
}

function inFolder(folder: URL): Urls {
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return {
    manifest: new URL("manifest.json", folder),
    weights: new URL("weights.safetensors", folder),
    graph: new URL("model.onnx", folder),
  };
}

/** A URL, or a path: in Node relative to the working directory, in a browser to the page or worker. */
async function urlOf(given: string | URL): Promise<URL> {
  if (given instanceof URL || /^[a-z][a-z0-9+.-]+:/i.test(given)) return new URL(given);
  if ("location" in globalThis) return new URL(given, location.href);
  const { pathToFileURL } = await fromNode<{ pathToFileURL(path: string): URL }>("node:url");
  return pathToFileURL(given);
}

/** A module of Node's, whose name is not spelt in the import so that bundlers for browsers leave it alone. */
async function fromNode<Module>(name: string): Promise<Module> {
  return (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as Module;
}

function bundleOf(given: BundleBytes, graph: boolean): Bundle {
  if (typeof given !== "object" || given === null) {
    throw new InputError("expected bundle to be a folder's URL, or the bytes of manifest and weights.");
  }
  if (graph && given.graph === undefined) {
    throw new BundleError("expected the bundle's graph (model.onnx) for ONNX Runtime, it is missing.");
  }
  const bundle: Bundle = { manifest: viewOf(given.manifest, "manifest"), weights: viewOf(given.weights, "weights") };
  if (given.graph !== undefined) bundle.graph = viewOf(given.graph, "graph");
  return bundle;
}

function viewOf(bytes: unknown, what: string): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
  throw new InputError(`expected ${what} to be a Uint8Array or an ArrayBuffer.`);
}

async function readFile(url: URL, Wrong: new (message: string) => PosmoeError): Promise<Uint8Array> {
  try {
    if (url.protocol === "file:" && "process" in globalThis) {
      const { readFile: read } = await fromNode<{ readFile(url: URL): Promise<Uint8Array> }>("node:fs/promises");
      return await read(url);
    }
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trimEnd());
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new Wrong(`cannot read ${url.protocol === "file:" ? url.pathname : url.href}: ${reason(error)}.`);
  }
}
