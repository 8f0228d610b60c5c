/** Builds the page: one file that carries script, worker, WebAssembly and model, and may connect to nothing. */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../../js/", import.meta.url));
const OUT = fileURLToPath(new URL("../../build/browser/", import.meta.url));
const { build } = createRequire(`${PACKAGE}package.json`)("esbuild");

/** A script with all that it imports, as text that may stand inside an HTML element. */
async function bundled(name, format) {
  const { outputFiles } = await build({
    entryPoints: [HERE + name],
    bundle: true,
    minify: true,
    write: false,
    format,
    target: "es2022",
    charset: "utf8",
    logOverride: { "empty-import-meta": "silent" }, // the package's own files: this page has them in itself
    alias: {
      posmoe: `${PACKAGE}dist/index.js`,
      "posmoe/worker": `${PACKAGE}dist/remote.js`,
      "posmoe/serve": `${PACKAGE}dist/serve.js`,
    },
  });
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const data = (id, path) =>
  `<script type="application/octet-stream" id="${id}">${readFileSync(`${PACKAGE}dist/${path}`, "base64")}</script>`;

const app = await bundled("app.ts", "esm");
const style = readFileSync(`${HERE}style.css`, "utf8");
const parts = {
  policy: [
    "default-src 'none'",
    "connect-src 'none'",
    `script-src ${hash(app)} 'wasm-unsafe-eval'`,
    "worker-src blob:",
    `style-src ${hash(style)}`,
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; "),
  style,
  data: [
    data("wasm", "posmoe.wasm"),
    data("manifest", "models/en-edge/manifest.json"),
    data("weights", "models/en-edge/weights.safetensors"),
    `<script type="text/plain" id="worker">${await bundled("worker.ts", "iife")}</script>`,
  ].join("\n    "),
  app,
};
const page = readFileSync(`${HERE}page.html`, "utf8").replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
mkdirSync(OUT, { recursive: true });
writeFileSync(`${OUT}posmoe.html`, page);
console.log(`${OUT}posmoe.html: ${(page.length / 1e6).toFixed(1)} MB`);
