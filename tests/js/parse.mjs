/** Parses what a request asks for, with the built package, and writes the results to a folder: for test_parity.py. */

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [requestFile, out] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), "package.json"));
const { load } = await import(pathToFileURL(require.resolve("posmoe")).href);

const request = JSON.parse(readFileSync(requestFile, "utf8"));
const { ort } = request.options;
if (ort !== undefined) request.options.ort = await import(pathToFileURL(require.resolve(ort)).href);
const nlp = await load(request.options);

if (request.texts) {
  const written = [];
  for await (const document of nlp.pipe(request.texts)) written.push(document.toConllu());
  writeFileSync(join(out, "texts.json"), JSON.stringify(written));
}
if (request.sentences) {
  const document = await nlp.parseTokens(request.sentences);
  writeFileSync(join(out, "sentences.conllu"), document.toConllu());
  writeFileSync(join(out, "sentences.json"), JSON.stringify(document));
}
if (request.kBest) {
  const trees = [];
  for (const tokens of request.ranked) trees.push(await nlp.kBest(tokens, request.kBest));
  writeFileSync(join(out, "trees.json"), JSON.stringify(trees));
}
if (request.scores) {
  const parts = request.sentences.flatMap((tokens) => {
    const { tags, arcs, heads, dependents, labelHeads } = nlp.scores(tokens);
    return [tags, arcs, heads, dependents, labelHeads].map((array) => Buffer.from(array.buffer));
  });
  writeFileSync(join(out, "scores.bin"), Buffer.concat(parts));
}
