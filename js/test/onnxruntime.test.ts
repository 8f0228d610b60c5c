/** The graph on both packages of ONNX Runtime, where they are installed. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { BundleError, DisposedError, EngineError, load, type OrtModule } from "posmoe";

const TEXTS = ["I saw the man with a telescope. I don't think so.", "", "naïve 😀 façade – 東京 is large."];

async function installed(name: string): Promise<OrtModule | undefined> {
  try {
    return (await import(name)) as OrtModule;
  } catch {
    return undefined;
  }
}

for (const name of ["onnxruntime-node", "onnxruntime-web"]) {
  const ort = await installed(name);
  describe(name, { skip: ort === undefined ? `${name} is not installed` : false }, () => {
    it("gives the trees of the native engine", async () => {
      const native = await load();
      const nlp = await load({ engine: "onnxruntime", ort: ort! });
      for (const text of TEXTS) assert.equal((await nlp.parse(text)).toConllu(), native.parse(text).toConllu());
      const tokens = ["He", "can", "fish", "."];
      const tags = ["PRON", null, "NOUN", null];
      const given = await nlp.parseTokens([tokens], [tags]);
      assert.equal(given.toConllu(), native.parseTokens([tokens], [tags]).toConllu());
      const [one, other] = [await nlp.kBest(tokens, 4), native.kBest(tokens, 4)];
      assert.deepEqual(one.map((tree) => [tree.heads, tree.deprels]), other.map((tree) => [tree.heads, tree.deprels]));
      one.forEach((tree, i) => assert.ok(Math.abs(tree.probability! - other[i]!.probability!) < 1e-4));
      const piped = [];
      for await (const doc of nlp.pipe(TEXTS)) piped.push(doc.toConllu());
      assert.deepEqual(piped, Array.from(native.pipe(TEXTS), (doc) => doc.toConllu()));
      const both = await Promise.all(TEXTS.map((text) => nlp.parse(text)));
      assert.deepEqual(both.map((doc) => doc.toConllu()), piped);
      const [running] = await Promise.allSettled([nlp.parse(TEXTS[0]!.repeat(100)), nlp.dispose()]);
      assert.ok(running.status === "rejected" && running.reason instanceof DisposedError);
      await assert.rejects(nlp.parse("He waved."), DisposedError);
    });
  });
}

describe("a graph", () => {
  const session = (scores: object) => ({
    InferenceSession: {
      create: async () => ({
        inputNames: ["features", "lengths"],
        outputNames: ["tag_scores", "arc_scores", "arc_heads", "label_dependent", "label_head"],
        run: async () => scores as { readonly [name: string]: unknown },
        release: async () => {},
      }),
    },
    Tensor: class {} as OrtModule["Tensor"],
  });

  it("that gives other shapes than the manifest promises: refused", async () => {
    const ort = session({ arc_scores: { dims: [1, 2, 16], data: new Float32Array(32) } });
    await assert.rejects(load({ engine: "onnxruntime", ort }), (error) => {
      assert.ok(error instanceof BundleError);
      assert.match(error.message, /manifest and graph disagree: expected the graph's output tag_scores .* got none/);
      return true;
    });
  });

  it("that is missing: refused", async () => {
    const bundle = { manifest: new Uint8Array(), weights: new Uint8Array() };
    await assert.rejects(load({ engine: "onnxruntime", ort: session({}), bundle }), BundleError);
  });

  it("without ONNX Runtime: the error names the line that installs it", async () => {
    const options = { engine: "onnxruntime", bundle: await packaged() } as const;
    const { process } = globalThis;
    try {
      delete (globalThis as { process?: unknown }).process; // as in a browser
      await assert.rejects(load(options), (error) => error instanceof EngineError && /onnxruntime-web/.test(error.message));
    } finally {
      globalThis.process = process;
    }
  });
});

async function packaged() {
  const { readFile } = await import("node:fs/promises");
  const read = (name: string) => readFile(new URL(`../../dist/models/en-edge/${name}`, import.meta.url));
  await load(); // compiles the module while it can still be read
  return { manifest: await read("manifest.json"), weights: await read("weights.safetensors"), graph: await read("model.onnx") };
}
