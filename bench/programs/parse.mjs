/** The npm package in Node.js: parse.mjs ENGINE BUNDLE TEXT ROUNDS; the engine is native, onnxruntime-node or -web. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [engine, bundle, file, rounds] = process.argv.slice(2);
const require = createRequire(new URL("../../js/package.json", import.meta.url));
const imported = (name) => import(pathToFileURL(require.resolve(name)).href);
const { load } = await imported("posmoe");

const text = readFileSync(file, "utf8");
const nlp = await load(engine === "native" ? { bundle } : { bundle, engine: "onnxruntime", ort: await imported(engine) });
let seconds = 0;
let document;
for (let turn = 0; turn <= Number(rounds); ++turn) {
  const begin = performance.now();
  document = nlp.parse(text, { lines: true });
  if (document instanceof Promise) document = await document;
  if (turn > 0) seconds += (performance.now() - begin) / 1000;
}
process.stdout.write(document.toConllu());
console.error(seconds);
