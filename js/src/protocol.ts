/** What a page and its worker tell each other. */

import type { Columns, Tree } from "./document.js";
import type { LoadOptions } from "./load.js";
import type { Model } from "./parser.js";
import type { TextOptions } from "./request.js";

/** Options that a message can carry; ONNX Runtime's module has to be the worker's own. */
export type RemoteOptions = Omit<LoadOptions, "ort">;

export type Question =
  | { method: "load"; options: RemoteOptions }
  | { method: "parse"; text: string; options: TextOptions }
  | { method: "parseTokens"; sentences: string[][]; upos: (string | null)[][] | undefined }
  | { method: "kBest"; tokens: string[]; k: number; upos: (string | null)[] | undefined };

/** What a page knows of the parser at the other end. */
export interface Loaded {
  model: Model;
  longestRanked: number;
}

export type Answer = { columns: Columns } | { trees: Tree[] } | Loaded;

export type Reply = { id: number; result: Answer } | { id: number; error: { name: string; message: string } };
