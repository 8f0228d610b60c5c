/** The parsers: text or tokens in, documents out. One computes itself and at once, the other waits for ONNX Runtime. */

import type { Core, Scores, Work } from "./core.js";
import { Document, type Sentence, type Tree } from "./document.js";
import { DecodeError, InputError } from "./errors.js";
import type { OnnxRuntime } from "./onnxruntime.js";
import {
  checkedText,
  checkedTokens,
  type Given,
  Grouping,
  type KnownTags,
  MAX_RANKED,
  MAX_TREES,
  type PipeOptions,
  type TextOptions,
  wholeNumber,
} from "./request.js";

/** A model, as its manifest describes it. */
export interface Model {
  readonly name: string;
  readonly version: string;
  readonly language: string;
  readonly licence: string;
  readonly tags: readonly string[];
  readonly labels: readonly string[];
  /** The longest sentence in words that the network takes; longer ones are cut. */
  readonly maxSentence: number;
  /** All of the manifest: training data and its licences, measured accuracy, sizes. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** What both parsers have. */
abstract class Base {
  readonly model: Model;
  /** The longest sentence in words whose trees can be ranked. */
  readonly longestRanked: number;
  protected readonly core: Core;

  constructor(core: Core, model: Model) {
    this.core = core;
    this.model = model;
    this.longestRanked = Math.min(MAX_RANKED, model.maxSentence);
  }

  protected texts(texts: readonly string[], options: TextOptions): Work {
    return this.core.texts(texts, options.lines === true);
  }

  protected given({ sentences, tags }: Given): Work {
    return this.core.tokens(sentences, tags);
  }

  protected tokens(sentences: unknown, upos: unknown): Given {
    return checkedTokens(sentences, upos, this.model.tags);
  }

  /** The tokens of one sentence whose trees are asked for. */
  protected rankable(tokens: unknown, upos: unknown): Given {
    const given = this.tokens([tokens], upos === undefined ? undefined : [upos]);
    const size = given.sentences[0]!.length;
    if (size <= this.longestRanked) return given;
    throw new DecodeError(`kBest: expected a sentence of at most ${this.longestRanked} words, got ${size}.`);
  }

  protected documents(work: Work, count: number): Document[] {
    const { tags, labels } = this.model;
    return Array.from({ length: count }, (_, i) => new Document({ ...this.core.analysis(work, i), tags, labels }));
  }

  /** A document's sentences, for ranking. */
  protected sentences(document: unknown, k: unknown): readonly Sentence[] {
    wholeNumber(k, "k", MAX_TREES);
    if (document instanceof Document && String(document.columns.tags) === String(this.model.tags)) return document.sentences;
    throw new InputError("expected a document that a parser of this model made.");
  }

  /** A sentence's words with their tags; null where it is too long. */
  protected tagged(sentence: Sentence): Work | null {
    if (sentence.length > this.longestRanked) return null;
    const { columns } = sentence.document;
    const first = columns.sentences[sentence.index]!;
    const forms = sentence.tokens.map((token) => token.text);
    return this.core.tokens([forms], columns.upos.slice(first, first + sentence.length));
  }

  protected best(sentence: Sentence): Tree[] {
    const { tokens } = sentence;
    return [{ heads: tokens.map((t) => t.head), deprels: tokens.map((t) => t.deprel), probability: null }];
  }

  protected ranked(work: Work, k: number, scores: Scores, words: number): Tree[] {
    const { heads, deprels, probabilities } = this.core.ranked(work, k, scores);
    return Array.from(probabilities, (probability, tree) => {
      const [begin, end] = [tree * words, (tree + 1) * words];
      return {
        heads: [...heads.subarray(begin, end)],
        deprels: Array.from(deprels.subarray(begin, end), (label) => this.model.labels[label]!),
        probability,
      };
    });
  }
}

/** A loaded model on the native engine: the network in the same WebAssembly as the rest. */
export class Parser extends Base {
  readonly engine = "native";

  /** What the network's kernels use: `wasm` (SIMD) or `plain`. The trees are the same. */
  get instructionSet(): string {
    return this.core.instructionSet;
  }

  /** Parses one text. Lone surrogates count as U+FFFD.
   *
   * @throws {InputError} it is no string.
   */
  parse(text: string, options: TextOptions = {}): Document {
    return this.#finish(this.texts([checkedText(text)], options), 1)[0]!;
  }

  /** Parses a stream of texts: one document a text, in order. */
  *pipe(texts: Iterable<string>, options: PipeOptions = {}): Generator<Document, void, undefined> {
    const grouping = new Grouping(options);
    for (const text of texts) yield* this.#group(grouping.add(text), options);
    yield* this.#group(grouping.rest(), options);
  }

  /** Parses sentences that are cut into words already; the document's text joins the words by spaces.
   *
   * @param upos known tags: tags and relations follow them, the heads are the same as without.
   * @throws {InputError} a word is blank, a tag unknown, or the numbers of words and tags differ.
   */
  parseTokens(sentences: Iterable<Iterable<string>>, upos?: KnownTags): Document {
    return this.#finish(this.given(this.tokens(sentences, upos)), 1)[0]!;
  }

  /** The k likeliest trees of one sentence, best first; fewer where fewer exist.
   *
   * Probabilities are those of the whole trees: of all trees of the sentence they add up to 1. Relations are the best
   * ones given the tree; they follow `upos`, the heads don't.
   *
   * @throws {InputError} as `parseTokens`, or k is below 1 or above 1,000,000.
   * @throws {DecodeError} the sentence has more words than `longestRanked`.
   */
  kBest(tokens: Iterable<string>, k: number, upos?: Iterable<string | null>): Tree[] {
    const document = this.#finish(this.given(this.rankable(tokens, upos)), 1)[0]!;
    return this.rank(document, k)[0]!;
  }

  /** The k likeliest trees of every sentence of a document, as `kBest`. A sentence of more words than `longestRanked`
   * has its best tree alone, with null as its probability. */
  rank(document: Document, k: number): Tree[][] {
    return this.sentences(document, k).map((sentence) => {
      const work = this.tagged(sentence);
      if (work === null) return this.best(sentence);
      try {
        return this.ranked(work, k, this.core.scores(work), sentence.length);
      } finally {
        this.core.drop(work);
      }
    });
  }

  /** The network's scores of one sentence, bit for bit those of every other machine and instruction set. */
  scores(tokens: Iterable<string>): Scores {
    const work = this.given(this.tokens([tokens], undefined));
    try {
      return this.core.scores(work);
    } finally {
      this.core.drop(work);
    }
  }

  /** Gives the memory back. Documents stay whole; the parser throws a DisposedError from now on. */
  dispose(): void {
    this.core.dispose();
  }

  #group(texts: string[], options: TextOptions): Document[] {
    return texts.length === 0 ? [] : this.#finish(this.texts(texts, options), texts.length);
  }

  #finish(work: Work, count: number): Document[] {
    try {
      this.core.parse(work);
      return this.documents(work, count);
    } finally {
      this.core.drop(work);
    }
  }
}

/** A loaded model on ONNX Runtime. The methods are those of `Parser`, and give promises. */
export class AsyncParser extends Base {
  readonly engine = "onnxruntime";
  readonly #engine: OnnxRuntime;

  constructor(core: Core, model: Model, engine: OnnxRuntime) {
    super(core, model);
    this.#engine = engine;
  }

  /** As `Parser.parse`. */
  async parse(text: string, options: TextOptions = {}): Promise<Document> {
    return (await this.#finish(this.texts([checkedText(text)], options), 1))[0]!;
  }

  /** As `Parser.pipe`; the stream may come with time. */
  async *pipe(
    texts: Iterable<string> | AsyncIterable<string>,
    options: PipeOptions = {},
  ): AsyncGenerator<Document, void, undefined> {
    const grouping = new Grouping(options);
    for await (const text of texts) yield* await this.#group(grouping.add(text), options);
    yield* await this.#group(grouping.rest(), options);
  }

  /** As `Parser.parseTokens`. */
  async parseTokens(sentences: Iterable<Iterable<string>>, upos?: KnownTags): Promise<Document> {
    return (await this.#finish(this.given(this.tokens(sentences, upos)), 1))[0]!;
  }

  /** As `Parser.kBest`. */
  async kBest(tokens: Iterable<string>, k: number, upos?: Iterable<string | null>): Promise<Tree[]> {
    const [document] = await this.#finish(this.given(this.rankable(tokens, upos)), 1);
    return (await this.rank(document!, k))[0]!;
  }

  /** As `Parser.rank`. */
  async rank(document: Document, k: number): Promise<Tree[][]> {
    const result: Tree[][] = [];
    for (const sentence of this.sentences(document, k)) {
      const work = this.tagged(sentence);
      if (work === null) {
        result.push(this.best(sentence));
        continue;
      }
      try {
        const scores = await this.#engine.scores(this.core.batch(work)!);
        result.push(this.ranked(work, k, scores, sentence.length));
      } finally {
        this.core.drop(work);
      }
    }
    return result;
  }

  /** As `Parser.dispose`; what is being parsed fails with a DisposedError. */
  async dispose(): Promise<void> {
    this.core.dispose();
    await this.#engine.release();
  }

  async #group(texts: string[], options: TextOptions): Promise<Document[]> {
    return texts.length === 0 ? [] : this.#finish(this.texts(texts, options), texts.length);
  }

  async #finish(work: Work, count: number): Promise<Document[]> {
    try {
      for (let batch = this.core.batch(work); batch !== undefined; batch = this.core.batch(work)) {
        this.core.score(work, await this.#engine.scores(batch));
      }
      return this.documents(work, count);
    } finally {
      this.core.drop(work);
    }
  }
}
