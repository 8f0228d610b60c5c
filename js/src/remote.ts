/** The page's side of a parser that works in a Web Worker, so that the page never waits. */

import { Document, type Tree } from "./document.js";
import { DisposedError, EngineError, named } from "./errors.js";
import type { Model } from "./parser.js";
import type { Answer, Loaded, Question, RemoteOptions, Reply } from "./protocol.js";
import type { KnownTags, TextOptions } from "./request.js";
import type { Port } from "./serve.js";

export type { RemoteOptions } from "./protocol.js";
export type { Port } from "./serve.js";

/** How to give up waiting. */
export interface Signal {
  signal?: AbortSignal;
}

interface Waiting {
  question: Question;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** Starts a worker and loads a model there.
 *
 * Bundlers find the worker's script by `new Worker(new URL(…), …)`. Where a page's rules ask for another way to start
 * one, use `RemoteParser.load` with a worker of your own whose script calls `serve(self)` of `posmoe/serve`.
 */
export async function loadInWorker(options: RemoteOptions = {}): Promise<RemoteParser> {
  const worker = new Worker(new URL("./script.js", import.meta.url), { type: "module" });
  try {
    return await RemoteParser.load(worker, options, () => worker.terminate());
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** A parser behind a port. One request at a time is with the worker, the others wait here: those that are given up
 * before their turn cost nothing. */
export class RemoteParser {
  readonly #port: Port;
  readonly #stop: () => void;
  readonly #waiting: Waiting[] = [];
  #current: Waiting | undefined;
  #id = 0;
  #ended: Error | undefined;
  #loaded: Loaded | undefined;

  private constructor(port: Port, stop: () => void) {
    this.#port = port;
    this.#stop = stop;
    port.addEventListener("message", ({ data }) => this.#receive(data as Reply));
    const broken = (event: Event) => {
      const { message } = event as ErrorEvent;
      this.#end(new EngineError(`the worker failed${message ? `: ${message}` : " to start"}.`));
    };
    (port as Partial<EventTarget>).addEventListener?.("error", broken);
    port.start?.();
  }

  /** Loads a model at the other end of a port, where `serve` answers.
   *
   * @param stop what `dispose` calls, such as `() => worker.terminate()`.
   */
  static async load(port: Port, options: RemoteOptions = {}, stop: () => void = () => {}): Promise<RemoteParser> {
    const parser = new RemoteParser(port, stop);
    const answer = await parser.#ask({ method: "load", options: plain(options) }, undefined);
    parser.#loaded = answer as Loaded;
    return parser;
  }

  get model(): Model {
    return this.#loaded!.model;
  }

  /** The longest sentence in words whose trees can be ranked. */
  get longestRanked(): number {
    return this.#loaded!.longestRanked;
  }

  /** As `Parser.parse`. Once `signal` is aborted the promise fails with its reason. */
  async parse(text: string, { signal, ...options }: TextOptions & Signal = {}): Promise<Document> {
    return this.#document({ method: "parse", text, options }, signal);
  }

  /** As `Parser.parseTokens`. */
  async parseTokens(sentences: Iterable<Iterable<string>>, upos?: KnownTags, { signal }: Signal = {}): Promise<Document> {
    const words = Array.from(sentences, (sentence) => [...sentence]);
    const tags = upos === undefined ? undefined : Array.from(upos, (row) => [...row]);
    return this.#document({ method: "parseTokens", sentences: words, upos: tags }, signal);
  }

  /** As `Parser.kBest`. */
  async kBest(
    tokens: Iterable<string>, k: number, upos?: Iterable<string | null>, { signal }: Signal = {},
  ): Promise<Tree[]> {
    const tags = upos === undefined ? undefined : [...upos];
    const answer = await this.#ask({ method: "kBest", tokens: [...tokens], k, upos: tags }, signal);
    return (answer as { trees: Tree[] }).trees;
  }

  /** Stops the worker; whatever still waits fails with a DisposedError. */
  dispose(): void {
    this.#end(new DisposedError("the parser was used after dispose()."));
  }

  async #document(question: Question, signal: AbortSignal | undefined): Promise<Document> {
    const answer = await this.#ask(question, signal);
    return new Document((answer as Extract<Answer, { columns: unknown }>).columns);
  }

  #ask(question: Question, signal: AbortSignal | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      if (signal?.aborted) return reject(signal.reason);
      const waiting: Waiting = { question, resolve, reject };
      const abort = () => {
        const place = this.#waiting.indexOf(waiting);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      const settled = <T>(then: (value: T) => void) => (value: T) => {
        signal?.removeEventListener("abort", abort);
        then(value);
      };
      waiting.resolve = settled(resolve);
      waiting.reject = settled(reject);
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#waiting.shift();
    if (this.#current === undefined) return;
    try {
      this.#port.postMessage({ id: ++this.#id, question: this.#current.question });
    } catch (error) {
      this.#settle((waiting) => waiting.reject(error)); // something that no message can carry
    }
  }

  #receive(reply: Reply): void {
    if (reply.id !== this.#id || this.#current === undefined) return;
    this.#settle((waiting) => {
      if ("error" in reply) waiting.reject(named(reply.error.name, reply.error.message));
      else waiting.resolve(reply.result);
    });
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#current!;
    this.#current = undefined;
    how(waiting);
    this.#next();
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#stop();
    for (const waiting of [this.#current, ...this.#waiting.splice(0)]) waiting?.reject(error);
    this.#current = undefined;
  }
}

/** Options as a message can carry them: a URL as its text. */
function plain(options: RemoteOptions): RemoteOptions {
  const text = (value: unknown) => (value instanceof URL ? value.href : value);
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, text(value)])) as RemoteOptions;
}
