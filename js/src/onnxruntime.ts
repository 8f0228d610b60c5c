/** The ONNX Runtime engine: the bundle's graph on `onnxruntime-node` or `onnxruntime-web`, which the user installs. */

import type { Batch, Scores } from "./core.js";
import { BundleError, EngineError, reason } from "./errors.js";
import type { Bundle } from "./files.js";

/** The part of ONNX Runtime's interface that is used: `import * as ort from "onnxruntime-web"` is one. */
export interface OrtModule {
  InferenceSession: { create(model: Uint8Array, options?: object): Promise<OrtSession> };
  Tensor: {
    new (type: "int32", data: Int32Array, dims: readonly number[]): object;
    new (type: "int64", data: BigInt64Array, dims: readonly number[]): object;
  };
}

export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  // any: the types of both packages of ONNX Runtime have to fit
  run(feeds: any, fetches: any): Promise<{ readonly [name: string]: unknown }>;
  release(): Promise<void>;
}

interface Output {
  dims: readonly number[];
  data: unknown;
}

const INPUTS = ["features", "lengths"];
const OUTPUTS = ["tag_scores", "arc_scores", "arc_heads", "label_dependent", "label_head"] as const;

/** What the graph's outputs must measure. */
export interface Sizes {
  tags: number;
  rank: number;
  rows: number; // of the feature table
}

export class OnnxRuntime {
  readonly #ort: OrtModule;
  readonly #session: OrtSession;
  readonly #sizes: Sizes;
  #queue: Promise<unknown> = Promise.resolve(); // a session runs one batch at a time

  private constructor(ort: OrtModule, session: OrtSession, sizes: Sizes) {
    this.#ort = ort;
    this.#session = session;
    this.#sizes = sizes;
  }

  /** Opens a bundle's graph and checks it against the manifest.
   *
   * @throws {EngineError} ONNX Runtime is not there.
   * @throws {BundleError} it refuses the graph, or graph and manifest disagree.
   */
  static async open(bundle: Bundle, sizes: Sizes, given: OrtModule | undefined, options: object): Promise<OnnxRuntime> {
    const ort = given ?? (await onnxruntimeNode());
    let session: OrtSession;
    try {
      session = await ort.InferenceSession.create(bundle.graph!, {
        logSeverityLevel: 4,
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        ...options,
        externalData: [{ path: "weights.safetensors", data: bundle.weights }],
      });
    } catch (error) {
      throw new BundleError(`ONNX Runtime refuses the bundle's graph: ${reason(error)}`);
    }
    const engine = new OnnxRuntime(ort, session, sizes);
    await engine.#check();
    return engine;
  }

  /** Runs one batch.
   *
   * @throws {EngineError} ONNX Runtime failed, or gave arrays of other types or shapes than the manifest promises.
   */
  async scores(batch: Batch): Promise<Scores> {
    const { sentences, length } = batch;
    let outputs: { readonly [name: string]: unknown };
    try {
      const feeds = {
        features: new this.#ort.Tensor("int32", batch.features, [sentences, length, 6]),
        lengths: new this.#ort.Tensor("int64", batch.lengths, [sentences]),
      };
      const run = this.#queue.then(() => this.#session.run(feeds, [...OUTPUTS]));
      this.#queue = run.catch(() => {});
      outputs = await run;
    } catch (error) {
      throw new EngineError(`ONNX Runtime failed on a batch of ${sentences} × ${length} words: ${reason(error)}`);
    }
    const { tags, rank } = this.#sizes;
    const candidates = (outputs["arc_scores"] as Output | undefined)?.dims.at(-1) ?? 0;
    const array = <T>(name: (typeof OUTPUTS)[number], Type: new (size: number) => T, dims: number[]): T => {
      const output = outputs[name] as Output | undefined;
      if (output?.data instanceof Type && String(output.dims) === String(dims)) return output.data;
      const found = output === undefined ? "none" : `[${output.dims.join(", ")}]`;
      throw new EngineError(`expected the graph's output ${name} to be ${Type.name} [${dims.join(", ")}], got ${found}.`);
    };
    return {
      tags: array("tag_scores", Float32Array, [sentences, length, tags]),
      arcs: array("arc_scores", Float32Array, [sentences, length, candidates]),
      heads: array("arc_heads", BigInt64Array, [sentences, length, candidates]),
      dependents: array("label_dependent", Float32Array, [sentences, length, rank]),
      labelHeads: array("label_head", Float32Array, [sentences, length + 1, rank]),
      candidates,
    };
  }

  /** Gives the session back once what runs has ended. */
  async release(): Promise<void> {
    await this.#queue;
    await this.#session.release();
  }

  /** Names of inputs and outputs, and a run on the last row of the feature table. */
  async #check(): Promise<void> {
    const { inputNames, outputNames } = this.#session;
    const missing = [...INPUTS, ...OUTPUTS].filter((name) => !inputNames.includes(name) && !outputNames.includes(name));
    const unknown = inputNames.filter((name) => !INPUTS.includes(name));
    if (missing.length > 0 || unknown.length > 0) {
      const wrong = missing.length > 0 ? `it lacks ${missing.join(", ")}` : `unknown inputs ${unknown.join(", ")}`;
      throw new BundleError(`expected the graph's inputs and outputs as docs/bundle.md has them: ${wrong}.`);
    }
    const features = new Int32Array(12).fill(this.#sizes.rows - 1);
    try {
      await this.scores({ sentences: 1, length: 2, features, lengths: BigInt64Array.of(2n) });
    } catch (error) {
      throw new BundleError(`manifest and graph disagree: ${reason(error)}`);
    }
  }
}

/** ONNX Runtime for Node, if it is installed. */
async function onnxruntimeNode(): Promise<OrtModule> {
  const name = "onnxruntime-node"; // not spelt in the import, so that bundlers leave it alone
  if (!("process" in globalThis)) {
    throw new EngineError(
      'the engine "onnxruntime" needs the module: load({ engine: "onnxruntime", ort }), with ' +
        'import * as ort from "onnxruntime-web".',
    );
  }
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as OrtModule;
  } catch (error) {
    throw new EngineError(
      `${name} cannot be loaded (${reason(error)}). Install it with: npm install ${name}; or give another one: ` +
        'load({ engine: "onnxruntime", ort }).',
    );
  }
}
