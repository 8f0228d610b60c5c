/** What a parser is asked to parse, checked. */

import { InputError, shown } from "./errors.js";

export const MAX_TREES = 1_000_000;
/** Words of a sentence whose trees can be ranked: the sum over all trees takes time with their cube. */
export const MAX_RANKED = 4096;
const GROUP = 1 << 16; // characters after which a group of texts is closed, whatever its size

/** How a text is read. */
export interface TextOptions {
  /** Every line of the text is one sentence. */
  lines?: boolean;
}

/** How a stream of texts is read. */
export interface PipeOptions extends TextOptions {
  /** Texts that are analysed together, 64 if not given; long texts close a group early. */
  batchSize?: number;
}

/** Tags that are known: for every sentence and word a name, or null where it is to be predicted. */
export type KnownTags = Iterable<Iterable<string | null>>;

/** Sentences of words, with the indices of known tags, -1 for the others. */
export interface Given {
  sentences: string[][];
  tags?: Int32Array;
}

export function checkedText(text: unknown): string {
  if (typeof text !== "string") throw new InputError(`expected a text as a string, got ${kind(text)}.`);
  return text;
}

export function wholeNumber(value: unknown, name: string, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new InputError(`expected ${name} to be a whole number from 1 to ${most}, got ${shown(value)}.`);
}

/** Checks sentences of words, and known tags by the names that the model has. */
export function checkedTokens(sentences: unknown, upos: unknown, names: readonly string[]): Given {
  const words = items(sentences, "expected a list of sentences").map((sentence, number) => {
    const forms = items(sentence, `sentence ${number}: expected a list of words`);
    if (forms.length === 0) throw new InputError(`sentence ${number}: expected at least one word, got none.`);
    forms.forEach((form, place) => {
      if (typeof form !== "string" || !/[^ \t\r\n]/.test(form)) {
        throw new InputError(`sentence ${number}, word ${place}: expected a word, got ${shown(form)}.`);
      }
    });
    return forms as string[];
  });
  return upos === undefined ? { sentences: words } : { sentences: words, tags: knownTags(upos, words, names) };
}

function knownTags(upos: unknown, sentences: string[][], names: readonly string[]): Int32Array {
  const rows = items(upos, "expected a list of tags for every sentence");
  if (rows.length !== sentences.length) {
    throw new InputError(`expected tags for ${sentences.length} sentences, got ${rows.length}.`);
  }
  const known = rows.flatMap((row, number) => {
    const expected = `sentence ${number}: expected a list of ${sentences[number]!.length} tags`;
    const tags = items(row, expected);
    if (tags.length !== sentences[number]!.length) throw new InputError(`${expected}, got ${tags.length}.`);
    return tags.map((tag) => {
      const index = tag === null ? -1 : names.indexOf(tag as string);
      if (tag !== null && index < 0) {
        throw new InputError(`expected one of the model's tags ${names.join(", ")} or null, got ${shown(tag)}.`);
      }
      return index;
    });
  });
  return Int32Array.from(known);
}

/** Texts in groups that are analysed together. */
export class Grouping {
  readonly #most: number;
  #texts: string[] = [];
  #size = 0;

  constructor(options: PipeOptions) {
    this.#most = wholeNumber(options.batchSize ?? 64, "batchSize", 2 ** 31);
  }

  /** Takes a text; gives the group that it closes, or nothing. */
  add(text: unknown): string[] {
    this.#texts.push(checkedText(text));
    this.#size += this.#texts.at(-1)!.length;
    return this.#texts.length >= this.#most || this.#size >= GROUP ? this.rest() : [];
  }

  /** The texts that are left. */
  rest(): string[] {
    const texts = this.#texts;
    this.#texts = [];
    this.#size = 0;
    return texts;
  }
}

function items(value: unknown, expected: string): unknown[] {
  if (typeof value === "object" && value !== null && Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  throw new InputError(`${expected}, got ${kind(value)}.`);
}

function kind(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor?.name ?? "object" : typeof value;
}
