/** A parsed text: documents, sentences and words as views over columns. */

import { conllu } from "./conllu.js";
import type { Analysis } from "./core.js";

/** A document's columns: plain data, which `structuredClone` and `postMessage` take. Offsets are UTF-16 units.
 *
 * Indices of tags and relations are into `tags` and `labels`.
 */
export interface Columns extends Analysis {
  readonly tags: readonly string[];
  readonly labels: readonly string[];
}

/** A surface token of several words, such as don't: the words `first` to `last` of its sentence. */
export interface Multiword {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
  /** White space, or the end of the text, follows. */
  readonly spaceAfter: boolean;
}

/** A parsed text: the sequence of its sentences. It needs no parser any more, and is never freed by hand. */
export class Document implements Iterable<Sentence> {
  readonly columns: Columns;
  #sentences: Sentence[] | undefined;

  constructor(columns: Columns) {
    this.columns = columns;
  }

  /** The text, lone surrogates replaced by U+FFFD: offsets are those of the text that was given. */
  get text(): string {
    return this.columns.text;
  }

  /** How many sentences were longer than the model's bound, and were cut there. */
  get cut(): number {
    return this.columns.cut;
  }

  get sentences(): readonly Sentence[] {
    this.#sentences ??= Array.from({ length: this.columns.sentences.length - 1 }, (_, i) => new Sentence(this, i));
    return this.#sentences;
  }

  [Symbol.iterator](): IterableIterator<Sentence> {
    return this.sentences[Symbol.iterator]();
  }

  /** The document in CoNLL-U; sentences are numbered from 1. */
  toConllu(): string {
    return conllu(this);
  }

  /** The document as JSON values, with the names that the command's JSON lines have; offsets stay UTF-16 units. */
  toJSON(): DocumentJSON {
    return { text: this.text, sentences: this.sentences.map((sentence) => sentence.toJSON()) };
  }
}

/** A sentence: the sequence of its words. */
export class Sentence implements Iterable<Token> {
  readonly document: Document;
  /** Its place in the document, from 0. */
  readonly index: number;
  readonly #first: number;
  readonly #last: number;
  #tokens: Token[] | undefined;
  #multiwords: Multiword[] | undefined;
  #dependents: Token[][] | undefined;

  constructor(document: Document, index: number) {
    this.document = document;
    this.index = index;
    this.#first = document.columns.sentences[index]!;
    this.#last = document.columns.sentences[index + 1]!;
  }

  /** How many words there are. */
  get length(): number {
    return this.#last - this.#first;
  }

  /** Where the sentence begins in the document's text. */
  get start(): number {
    const { token, tokenStart } = this.document.columns;
    return tokenStart[token[this.#first]!]!;
  }

  /** Where it ends. */
  get end(): number {
    const { token, tokenEnd } = this.document.columns;
    return tokenEnd[token[this.#last - 1]!]!;
  }

  /** The sentence as the text has it. */
  get text(): string {
    return this.document.text.slice(this.start, this.end);
  }

  /** The sentence's words. */
  get tokens(): readonly Token[] {
    this.#tokens ??= Array.from({ length: this.length }, (_, i) => new Token(this, i + 1, this.#first + i));
    return this.#tokens;
  }

  /** The surface tokens of several words, in order. */
  get multiwords(): readonly Multiword[] {
    this.#multiwords ??= [...this.#findMultiwords()];
    return this.#multiwords;
  }

  /** The word whose head is the root. */
  get root(): Token {
    return this.dependents[0]![0]!;
  }

  /** For the root (0) and every word (from 1) the words whose head it is, in order. */
  get dependents(): readonly (readonly Token[])[] {
    if (this.#dependents === undefined) {
      this.#dependents = Array.from({ length: this.length + 1 }, () => []);
      for (const token of this.tokens) this.#dependents[token.head]!.push(token);
    }
    return this.#dependents;
  }

  [Symbol.iterator](): IterableIterator<Token> {
    return this.tokens[Symbol.iterator]();
  }

  toJSON(): SentenceJSON {
    return {
      text: this.text,
      start: this.start,
      end: this.end,
      tokens: this.tokens.map((token) => token.toJSON()),
      multiwords: this.multiwords.map(({ first, last, text, start, end }) => ({ first, last, text, start, end })),
    };
  }

  *#findMultiwords(): Generator<Multiword> {
    const { token, tokenStart, tokenEnd, spaceAfter } = this.document.columns;
    for (let begin = this.#first, end; begin < this.#last; begin = end) {
      const surface = token[begin]!;
      for (end = begin + 1; end < this.#last && token[end] === surface; ) ++end;
      if (end === begin + 1) continue;
      const [from, to] = [tokenStart[surface]!, tokenEnd[surface]!];
      yield {
        text: this.document.text.slice(from, to),
        start: from,
        end: to,
        first: begin - this.#first + 1,
        last: end - this.#first,
        spaceAfter: spaceAfter[surface] === 1,
      };
    }
  }
}

/** One syntactic word, with its place in the tree. */
export class Token {
  readonly sentence: Sentence;
  /** Its place in the sentence, from 1. */
  readonly index: number;
  readonly #at: number; // in the columns

  constructor(sentence: Sentence, index: number, at: number) {
    this.sentence = sentence;
    this.index = index;
    this.#at = at;
  }

  /** The word's form. */
  get text(): string {
    const { form, forms, text } = this.#columns;
    const other = form[this.#at]!;
    return other < 0 ? text.slice(this.start, this.end) : forms[other]!;
  }

  /** Where the word begins in the document's text; words that are no part of the text share their token's span. */
  get start(): number {
    return this.#columns.start[this.#at]!;
  }

  get end(): number {
    return this.#columns.end[this.#at]!;
  }

  /** The universal part of speech. */
  get upos(): string {
    return this.#columns.tags[this.#columns.upos[this.#at]!]!;
  }

  /** The head's index, 0 for the root. */
  get head(): number {
    return this.#columns.heads[this.#at]!;
  }

  /** The relation to the head. */
  get deprel(): string {
    return this.#columns.labels[this.#columns.deprels[this.#at]!]!;
  }

  /** White space, or the end of the text, follows the word; false within a surface token of several words. */
  get spaceAfter(): boolean {
    const { token, spaceAfter } = this.#columns;
    return this.multiword === undefined && spaceAfter[token[this.#at]!] === 1;
  }

  /** The surface token that this word is a part of, where that has several words. */
  get multiword(): Multiword | undefined {
    const { token, sentences } = this.#columns;
    const surface = token[this.#at];
    const [first, last] = [sentences[this.sentence.index]!, sentences[this.sentence.index + 1]!];
    const shared = (at: number) => at >= first && at < last && token[at] === surface;
    if (!shared(this.#at - 1) && !shared(this.#at + 1)) return undefined;
    return this.sentence.multiwords.find((other) => other.first <= this.index && this.index <= other.last);
  }

  /** The words whose head this is, in order. */
  get children(): readonly Token[] {
    return this.sentence.dependents[this.index]!;
  }

  toJSON(): TokenJSON {
    return {
      id: this.index,
      text: this.text,
      start: this.start,
      end: this.end,
      upos: this.upos,
      head: this.head,
      deprel: this.deprel,
      space_after: this.spaceAfter,
    };
  }

  get #columns(): Columns {
    return this.sentence.document.columns;
  }
}

/** A tree of one sentence among several, with its probability; null where the sentence was too long to rank its trees. */
export interface Tree {
  heads: number[];
  deprels: string[];
  probability: number | null;
}

export interface DocumentJSON {
  text: string;
  sentences: SentenceJSON[];
}

export interface SentenceJSON {
  text: string;
  start: number;
  end: number;
  tokens: TokenJSON[];
  multiwords: { first: number; last: number; text: string; start: number; end: number }[];
}

export interface TokenJSON {
  id: number;
  text: string;
  start: number;
  end: number;
  upos: string;
  head: number;
  deprel: string;
  space_after: boolean;
}
