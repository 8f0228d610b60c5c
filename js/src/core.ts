/** One instance of the core: strings and arrays in, columns out, errors by their class. */

import { BundleError, DecodeError, DisposedError, EngineError, InputError, type PosmoeError, reason } from "./errors.js";
import type { Bundle } from "./files.js";
import type { Exports } from "./module.js";

/** Texts on their way through the core, until they are dropped. */
export type Work = number;

/** What a network says of B sentences, padded to T words (docs/bundle.md, "The graph"). */
export interface Scores {
  tags: Float32Array; // [B, T, tags]
  arcs: Float32Array; // [B, T, candidates]
  heads: BigInt64Array; // [B, T, candidates]
  dependents: Float32Array; // [B, T, rank]
  labelHeads: Float32Array; // [B, T + 1, rank]
  candidates: number;
}

/** What another engine's network is to score. */
export interface Batch {
  sentences: number;
  length: number;
  features: Int32Array; // [sentences, length, 6], zero past a sentence's end
  lengths: BigInt64Array; // [sentences]
}

/** The best trees of a sentence, best first and one after another. */
export interface Ranked {
  heads: Int32Array; // [trees, words]
  deprels: Int32Array; // [trees, words]
  probabilities: Float64Array; // [trees]
}

/** A text's words and trees. Offsets are UTF-16 units into the text, as JavaScript counts them. */
export interface Analysis {
  text: string;
  start: Uint32Array; // per word
  end: Uint32Array; // per word; words that are no part of the text share their token's span
  token: Uint32Array; // per word: its surface token
  form: Int32Array; // per word: index into `forms`, or -1 where the form is the text from start to end
  forms: string[];
  tokenStart: Uint32Array; // per surface token
  tokenEnd: Uint32Array; // per surface token
  spaceAfter: Uint8Array; // per surface token: white space or the end of the text follows
  sentences: Uint32Array; // [S + 1], offsets into the words
  upos: Int32Array; // per word: index of its tag
  heads: Int32Array; // per word: 0 is the root, else the head's place in its sentence, from 1
  deprels: Int32Array; // per word: index of its relation
  cut: number; // sentences that were longer than the model's bound
}

/** Names of the unsigned numbers that `Columns` of module.cc holds, in its order. */
const COLUMNS = [
  ...(["text", "textSize", "words", "tokens", "sentences", "start", "end", "token", "form"] as const),
  ...(["tokenStart", "tokenEnd", "spaceAfter", "sentence", "upos", "heads", "deprels"] as const),
  ...(["forms", "formBytes", "formEnds", "cut"] as const),
] as const;
/** By the number that `Kind` of module.cc gives them. */
const ERRORS: (new (message: string) => PosmoeError)[] = [EngineError, InputError, BundleError, DecodeError, EngineError];
const SCRATCH = 1 << 16; // bytes for texts that are kept from call to call

/** A core with a loaded bundle. Not to be used by two at a time, which JavaScript rules out. */
export class Core {
  /** What the network's kernels use; empty where the core cannot compute this network. */
  readonly instructionSet: string;
  /** Width of the scores for relations. */
  readonly rank: number;
  /** The longest sentence in words that the network takes. */
  readonly longest: number;

  #exports: Exports | undefined;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #scratch: number;
  #broken: string | undefined;

  /** @throws {BundleError} the bundle is not whole. */
  constructor(exports: Exports, bundle: Bundle, instructionSet?: string) {
    this.#exports = exports;
    const manifest = this.#put(bundle.manifest);
    const weights = this.#put(bundle.weights);
    const graph = this.#put(bundle.graph);
    const name = this.#put(instructionSet === undefined ? undefined : this.#encoder.encode(`${instructionSet}\0`));
    const sizes = [bundle.manifest.length, bundle.weights.length, bundle.graph?.length ?? 0] as const;
    const at = this.#call((core) => core.load(manifest, sizes[0], weights, sizes[1], graph, sizes[2], name));
    this.#give(manifest, weights, graph, name);
    const loaded = this.#numbers(at, ["name", "size", "rank", "longest"]);
    this.instructionSet = this.#string(loaded.name, loaded.size);
    this.rank = loaded.rank;
    this.longest = loaded.longest;
    this.#scratch = this.#take(SCRATCH);
  }

  /** Lets go of the core's memory. */
  dispose(): void {
    this.#exports = undefined;
  }

  /** The words of texts; with `lines` every line is one sentence. Lone surrogates become U+FFFD. */
  texts(texts: readonly string[], lines: boolean): Work {
    return this.#withTexts(texts, (core, utf8, sizes) => core.texts(utf8, sizes, texts.length, lines));
  }

  /** The words of given sentences, as one text; `tags` has a tag or -1 for every word. */
  tokens(sentences: readonly (readonly string[])[], tags?: Int32Array): Work {
    const words = this.#put(Uint32Array.from(sentences, (sentence) => sentence.length));
    const known = this.#put(tags);
    try {
      return this.#withTexts(sentences.flat(), (core, utf8, sizes) =>
        core.tokens(utf8, sizes, words, sentences.length, known),
      );
    } finally {
      this.#give(words, known);
    }
  }

  /** Finds the trees with the core's own network. */
  parse(work: Work): void {
    this.#call((core) => core.parse(work));
  }

  /** The next batch for another engine's network; undefined once the trees are there. */
  batch(work: Work): Batch | undefined {
    const at = this.#call((core) => core.batch(work));
    const { sentences, length, features, lengths } = this.#numbers(at, ["sentences", "length", "features", "lengths"]);
    if (sentences === 0) return undefined;
    return {
      sentences,
      length,
      features: this.#array(Int32Array, features, sentences * length * 6),
      lengths: this.#array(BigInt64Array, lengths, sentences),
    };
  }

  /** Takes in that engine's scores of the batch. */
  score(work: Work, scores: Scores): void {
    this.#withScores(scores, (core, tags, arcs, heads, dependents, labels) =>
      core.score(work, tags, arcs, heads, scores.candidates, dependents, labels),
    );
  }

  /** The core's own network's scores of the only sentence. */
  scores(work: Work): Scores {
    const at = this.#call((core) => core.scores(work));
    const names = ["words", "tags", "tagScores", "arcs", "heads", "candidates", "dependents", "labels"] as const;
    const { words, tags, tagScores, arcs, heads, candidates, dependents, labels } = this.#numbers(at, names);
    return {
      tags: this.#array(Float32Array, tagScores, words * tags),
      arcs: this.#array(Float32Array, arcs, words * candidates),
      heads: this.#array(BigInt64Array, heads, words * candidates),
      dependents: this.#array(Float32Array, dependents, words * this.rank),
      labelHeads: this.#array(Float32Array, labels, (words + 1) * this.rank),
      candidates,
    };
  }

  /** The k likeliest trees of the only sentence, all of whose tags were given. */
  ranked(work: Work, k: number, scores: Scores): Ranked {
    const at = this.#withScores(scores, (core, _, arcs, heads, dependents, labels) =>
      core.rank(work, k, arcs, heads, scores.candidates, dependents, labels),
    );
    const found = this.#numbers(at, ["trees", "words", "heads", "deprels", "probabilities"]);
    return {
      heads: this.#array(Int32Array, found.heads, found.trees * found.words),
      deprels: this.#array(Int32Array, found.deprels, found.trees * found.words),
      probabilities: this.#array(Float64Array, found.probabilities, found.trees),
    };
  }

  /** A text's columns, copied. */
  analysis(work: Work, index: number): Analysis {
    const at = this.#numbers(this.#call((core) => core.columns(work, index)), COLUMNS);
    let from = 0;
    const forms = Array.from(this.#array(Uint32Array, at.formEnds, at.forms), (end) => {
      const form = this.#string(at.formBytes + from, end - from);
      from = end;
      return form;
    });
    return {
      text: this.#string(at.text, at.textSize),
      start: this.#array(Uint32Array, at.start, at.words),
      end: this.#array(Uint32Array, at.end, at.words),
      token: this.#array(Uint32Array, at.token, at.words),
      form: this.#array(Int32Array, at.form, at.words),
      forms,
      tokenStart: this.#array(Uint32Array, at.tokenStart, at.tokens),
      tokenEnd: this.#array(Uint32Array, at.tokenEnd, at.tokens),
      spaceAfter: this.#array(Uint8Array, at.spaceAfter, at.tokens),
      sentences: this.#array(Uint32Array, at.sentence, at.sentences + 1),
      upos: this.#array(Int32Array, at.upos, at.words),
      heads: this.#array(Int32Array, at.heads, at.words),
      deprels: this.#array(Int32Array, at.deprels, at.words),
      cut: at.cut,
    };
  }

  drop(work: Work): void {
    if (this.#exports !== undefined && this.#broken === undefined) this.#exports.drop(work);
  }

  get #core(): Exports {
    if (this.#exports === undefined) throw new DisposedError("the parser was used after dispose().");
    if (this.#broken !== undefined) throw new EngineError(this.#broken);
    return this.#exports;
  }

  /** What a function of the core returns; throws what it failed with. */
  #call(run: (core: Exports) => number): number {
    const core = this.#core;
    let result: number;
    try {
      result = run(core);
    } catch (error) {
      // its memory may be in any state now
      this.#broken = `the core stopped: ${reason(error)}. Load the parser anew.`;
      throw new EngineError(this.#broken);
    }
    if (result !== 0) return result >>> 0;
    const { kind, message, size } = this.#numbers(core.error(), ["kind", "message", "size"]);
    throw new (ERRORS[kind] ?? EngineError)(this.#string(message, size));
  }

  #take(bytes: number): number {
    const at = this.#core.take(bytes) >>> 0;
    if (at === 0 && bytes > 0) throw new EngineError(`${bytes} bytes are more than WebAssembly may have. Parse the text in parts.`);
    return at;
  }

  /** A copy of an array in the core's memory; null for undefined. */
  #put(array: ArrayBufferView | undefined): number {
    if (array === undefined) return 0;
    const at = this.#take(Math.max(array.byteLength, 1));
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    new Uint8Array(this.#core.memory.buffer, at).set(bytes);
    return at;
  }

  #give(...pointers: number[]): void {
    if (this.#broken !== undefined) return;
    for (const pointer of pointers) this.#exports?.give(pointer);
  }

  /** Calls with the texts one behind another in UTF-8, and with their sizes in bytes. */
  #withTexts(texts: readonly string[], run: (core: Exports, utf8: number, sizes: number) => number): Work {
    let most = 4 * texts.length;
    for (const text of texts) most += 3 * text.length;
    const sizes = most > SCRATCH ? this.#take(most) : this.#scratch;
    const memory = new Uint8Array(this.#core.memory.buffer);
    const numbers = new Uint32Array(this.#core.memory.buffer, sizes, texts.length);
    let at = sizes + 4 * texts.length;
    texts.forEach((text, i) => {
      // not all that is behind: Node.js writes nothing into room of 2 GiB or more
      numbers[i] = this.#encoder.encodeInto(text, memory.subarray(at, at + 3 * text.length)).written;
      at += numbers[i]!;
    });
    try {
      return this.#call((core) => run(core, sizes + 4 * texts.length, sizes));
    } finally {
      if (sizes !== this.#scratch) this.#give(sizes);
    }
  }

  #withScores(scores: Scores, run: (core: Exports, ...arrays: [number, number, number, number, number]) => number): number {
    const arrays = [scores.tags, scores.arcs, scores.heads, scores.dependents, scores.labelHeads].map((a) => this.#put(a));
    try {
      return this.#call((core) => run(core, ...(arrays as [number, number, number, number, number])));
    } finally {
      this.#give(...arrays);
    }
  }

  /** The unsigned numbers at a place, by the names that they are given. */
  #numbers<Name extends string>(at: number, names: readonly Name[]): Record<Name, number> {
    const numbers = new Uint32Array(this.#core.memory.buffer, at, names.length);
    return Object.fromEntries(names.map((name, i) => [name, numbers[i]])) as Record<Name, number>;
  }

  #array<T>(Type: new (buffer: ArrayBufferLike, at: number, count: number) => { slice(): T }, at: number, count: number): T {
    return new Type(this.#core.memory.buffer, at, count).slice();
  }

  #string(at: number, size: number): string {
    return this.#decoder.decode(new Uint8Array(this.#core.memory.buffer, at, size));
  }
}
