/** JavaScript engines that lack a part of WebAssembly. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const SCRIPT = 'import("posmoe").then(({ load }) => load()).catch((error) => console.log(`${error.name}: ${error.message}`))';

function output(...flags: string[]): string {
  const folder = fileURLToPath(new URL("../..", import.meta.url));
  return execFileSync(process.execPath, [...flags, "-e", SCRIPT], { cwd: folder, encoding: "utf8" }).trim();
}

it("an engine without SIMD is told so", { skip: process.arch === "x64" ? false : "needs a flag of x86-64" }, () => {
  assert.match(output("--no-enable-sse4-1", "--no-enable-ssse3", "--no-enable-sse3"), /^EngineError: .* lacks SIMD\. posmoe runs in Chrome/);
  assert.equal(output(), "");
});
