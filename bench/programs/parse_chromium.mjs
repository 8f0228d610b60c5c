/** The npm package in a page: parse_chromium.mjs ENGINE CHROMIUM BUNDLE TEXT ROUNDS; ENGINE is native or onnxruntime-web. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";

import { withChromium } from "../../js/chromium.mjs";

const [engine, browser, bundle, file, rounds] = process.argv.slice(2);
const require = createRequire(new URL("../../js/package.json", import.meta.url));
const PAGE = "<!doctype html><meta charset=utf-8><title>measured</title>";
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const FOLDERS = {
  posmoe: dirname(require.resolve("posmoe")),
  bundle,
  ort: engine === "native" ? bundle : dirname(require.resolve("onnxruntime-web")),
};

/** Serves the page at / and the files of each folder under its name. */
const server = createServer((request, response) => {
  const [, folder, ...path] = new URL(request.url, "http://localhost").pathname.split("/");
  try {
    const content = folder === "" ? PAGE : readFileSync(join(FOLDERS[folder], ...path));
    response.setHeader("Content-Type", folder === "" ? "text/html" : (TYPES[extname(request.url)] ?? "application/octet-stream"));
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "localhost", resolve));
const origin = `http://localhost:${server.address().port}`;

/** Runs in the page. */
async function measure([engine, text, rounds]) {
  const { load } = await import("/posmoe/index.js");
  let nlp;
  if (engine === "native") {
    nlp = await load({ bundle: "/bundle/" });
  } else {
    const ort = await import("/ort/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1;
    nlp = await load({ bundle: "/bundle/", engine: "onnxruntime", ort });
  }
  let seconds = 0;
  let document;
  for (let turn = 0; turn <= rounds; ++turn) {
    const begin = performance.now();
    document = nlp.parse(text, { lines: true });
    if (document instanceof Promise) document = await document;
    if (turn > 0) seconds += (performance.now() - begin) / 1000;
  }
  return { conllu: document.toConllu(), seconds };
}

try {
  const { conllu, seconds } = await withChromium(browser, {}, async (context) => {
    const tab = await context.newPage();
    await tab.goto(`${origin}/`);
    return tab.evaluate(measure, [engine, readFileSync(file, "utf8"), Number(rounds)]);
  });
  process.stdout.write(conllu);
  console.error(seconds);
} finally {
  server.close();
}
