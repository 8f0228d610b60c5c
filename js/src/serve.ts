/** The side of a worker: loads a model and parses what the page asks for. */

import type { Document, Tree } from "./document.js";
import { EngineError, PosmoeError, reason } from "./errors.js";
import { load, type LoadOptions } from "./load.js";
import type { AsyncParser, Parser } from "./parser.js";
import type { Answer, Question } from "./protocol.js";

/** What a worker and a MessagePort have in common. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  start?(): void;
}

/** Answers a `RemoteParser` at the other end of a port: `serve(self)` is all that a worker's script needs.
 *
 * @param options what stays on this side, such as ONNX Runtime's module; what the page sends comes on top.
 */
export function serve(port: Port, options: LoadOptions = {}): void {
  let parser: Parser | AsyncParser | undefined;

  const answer = async (question: Question): Promise<Answer> => {
    if (question.method === "load") {
      parser = await load({ ...options, ...question.options });
      return { model: parser.model, longestRanked: parser.longestRanked };
    }
    if (parser === undefined) throw new EngineError("the worker was asked to parse before it loaded a model.");
    if (question.method === "parse") return columns(await parser.parse(question.text, question.options));
    if (question.method === "parseTokens") return columns(await parser.parseTokens(question.sentences, question.upos));
    const trees: Tree[] = await parser.kBest(question.tokens, question.k, question.upos);
    return { trees };
  };

  port.addEventListener("message", async ({ data }) => {
    const { id, question } = data as { id: number; question: Question };
    try {
      const result = await answer(question);
      port.postMessage({ id, result }, "columns" in result ? buffers(result.columns) : []);
    } catch (error) {
      const name = error instanceof PosmoeError ? error.name : "EngineError";
      port.postMessage({ id, error: { name, message: reason(error) } });
    }
  });
  port.start?.();
}

function columns(document: Document): Answer {
  return { columns: document.columns };
}

/** Arrays that move to the page instead of being copied. */
function buffers(of: object): ArrayBuffer[] {
  return Object.values(of).flatMap((value) => (ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : []));
}
