/** Builds the package: the TypeScript, the core as WebAssembly, and copies of the model and the licences. */

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const HERE = `${ROOT}js/`;
const BUILD = `${ROOT}build/wasm`;
const MODEL = ["manifest.json", "weights.safetensors", "model.onnx"];

// Debian's Emscripten looks for its Node packages there, and there alone if it is told.
const nodePath = [process.env.NODE_PATH, "/usr/share/nodejs"].filter(Boolean).join(delimiter);
const run = (command, ...args) =>
  execFileSync(command, args, { cwd: HERE, stdio: "inherit", env: { ...process.env, NODE_PATH: nodePath } });

function compileCore() {
  const werror = process.env.CI === "true" ? "ON" : "OFF";
  if (!existsSync(`${BUILD}/CMakeCache.txt`)) run("emcmake", "cmake", "-S", ROOT, "-B", BUILD, "-DPOSMOE_PYTHON=OFF");
  run("cmake", "-S", ROOT, "-B", BUILD, `-DPOSMOE_WERROR=${werror}`, "-Wno-dev");
  run("cmake", "--build", BUILD, "--target", "posmoe_wasm");
}

rmSync(`${HERE}dist`, { recursive: true, force: true });
mkdirSync(`${HERE}dist/models/en-edge`, { recursive: true });
run(process.execPath, "node_modules/typescript/bin/tsc");
compileCore();
copyFileSync(`${BUILD}/js/posmoe.wasm`, `${HERE}dist/posmoe.wasm`);
for (const name of MODEL) copyFileSync(`${ROOT}runtime/posmoe/models/en-edge/${name}`, `${HERE}dist/models/en-edge/${name}`);
for (const name of ["LICENSE", "NOTICE"]) copyFileSync(`${ROOT}${name}`, `${HERE}${name}`);
