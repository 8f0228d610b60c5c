/** The package as its users see it: parsing, documents, ranking, and what bad input gets. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";

import { BundleError, DecodeError, DisposedError, Document, EngineError, InputError, load, Parser, PosmoeError } from "posmoe";

const TEXT = "I don't think so. She gave her brother a book about 東京 and a 😀 – he waved.";

const dist = new URL("../../dist/", import.meta.url);
const model = new URL("models/en-edge/", dist);
const files = async () => ({
  manifest: await readFile(new URL("manifest.json", model)),
  weights: await readFile(new URL("weights.safetensors", model)),
});

let nlp: Parser;
before(async () => {
  nlp = await load();
});
after(() => nlp.dispose());

describe("a document", () => {
  it("is a sequence of sentences of words", () => {
    const doc = nlp.parse(TEXT);
    assert.equal(doc.sentences.length, 2);
    const [first] = doc;
    assert.deepEqual(Array.from(first!, (token) => token.text), ["I", "do", "n't", "think", "so", "."]);
    assert.equal(first!.root.text, "think");
    assert.deepEqual(first!.root.children.map((token) => token.deprel), ["nsubj", "aux", "advmod", "advmod", "punct"]);
    const [multiword] = first!.multiwords;
    assert.deepEqual(
      [multiword!.text, multiword!.first, multiword!.last, multiword!.spaceAfter], ["don't", 2, 3, true],
    );
    assert.equal(first!.tokens[1]!.multiword, multiword);
    assert.equal(first!.tokens[1]!.spaceAfter, false);
    assert.equal(first!.tokens[0]!.multiword, undefined);
  });

  it("counts offsets in UTF-16 units, as slice does", () => {
    const text = "A 😀 and 東京. 😀😀 naïve!";
    const doc = nlp.parse(text);
    for (const sentence of doc) {
      assert.equal(text.slice(sentence.start, sentence.end), sentence.text);
      for (const token of sentence) assert.equal(text.slice(token.start, token.end), token.text);
    }
    assert.ok([...doc].flatMap((sentence) => [...sentence]).some((token) => token.text.includes("😀")));
  });

  it("is plain data below, which survives a structured clone", () => {
    const doc = nlp.parse(TEXT);
    const clone = new Document(structuredClone(doc.columns));
    assert.equal(clone.toConllu(), doc.toConllu());
    assert.deepEqual(clone.toJSON(), doc.toJSON());
    assert.deepEqual(JSON.parse(JSON.stringify(doc)), doc.toJSON());
  });

  it("outlives its parser", async () => {
    const other = await load();
    const doc = other.parse(TEXT);
    other.dispose();
    assert.equal(doc.toConllu(), nlp.parse(TEXT).toConllu());
  });

  it("of an empty or blank text has no sentence", () => {
    for (const text of ["", " \n\t "]) {
      const doc = nlp.parse(text);
      assert.deepEqual([doc.sentences.length, doc.toConllu(), doc.text], [0, "", text]);
    }
  });

  it("takes a lone surrogate for U+FFFD and keeps its offsets", () => {
    const text = "He \ud800 waved \udc00\ud83d at 😀 her.";
    const doc = nlp.parse(text);
    assert.equal(doc.text, "He \ufffd waved \ufffd\ufffd at 😀 her.");
    assert.equal(doc.text.length, text.length);
    const her = [...doc.sentences.at(-1)!].find((token) => token.text === "her")!;
    assert.equal(text.slice(her.start, her.end), "her");
  });

  it("keeps a byte order mark and zero characters in its text", () => {
    const text = "\ufeffHe waved.\0 She too.";
    assert.equal(nlp.parse(text).text, text);
  });
});

describe("a parser", () => {
  it("takes each line for a sentence if asked", () => {
    const doc = nlp.parse("He waved. She left.\nThey\n", { lines: true });
    assert.deepEqual(doc.sentences.map((sentence) => sentence.text), ["He waved. She left.", "They"]);
  });

  it("gives one document a text, whatever the groups", () => {
    const texts = ["He waved.", "", "I don't. She did.", "naïve 😀 façade", "x".repeat(70_000)];
    const expected = texts.map((text) => nlp.parse(text).toConllu());
    for (const batchSize of [1, 2, 64]) {
      assert.deepEqual(Array.from(nlp.pipe(texts, { batchSize }), (doc) => doc.toConllu()), expected);
    }
  });

  it("takes tokens, and tags that are known", () => {
    const doc = nlp.parseTokens([["I", "saw", "her"], ["Flies", "fly"]]);
    assert.equal(doc.text, "I saw her\nFlies fly");
    assert.equal(doc.sentences.length, 2);
    const tags = ["PRON", null, "DET"];
    const known = nlp.parseTokens([["I", "saw", "her"]], [tags]);
    assert.deepEqual(known.sentences[0]!.tokens.map((token) => token.upos), ["PRON", "VERB", "DET"]);
  });

  it("ranks trees, the best first, with probabilities of all of them", () => {
    const tokens = ["I", "saw", "the", "man", "with", "a", "telescope"];
    const trees = nlp.kBest(tokens, 5);
    const best = nlp.parseTokens([tokens]).sentences[0]!;
    assert.equal(trees.length, 5);
    assert.deepEqual(trees[0]!.heads, best.tokens.map((token) => token.head));
    assert.deepEqual(trees[0]!.deprels, best.tokens.map((token) => token.deprel));
    const probabilities = trees.map((tree) => tree.probability!);
    assert.deepEqual(probabilities, probabilities.toSorted((a, b) => b - a));
    const all = nlp.kBest(["He", "waved"], 1000);
    assert.ok(Math.abs(all.reduce((sum, tree) => sum + tree.probability!, 0) - 1) < 1e-9);
    assert.deepEqual(nlp.rank(nlp.parseTokens([tokens]), 5), [trees]);
  });

  it("gives the best tree alone of a sentence that is too long to be ranked", () => {
    const tokens = new Array<string>(nlp.longestRanked + 1).fill("word");
    assert.throws(() => nlp.kBest(tokens, 2), DecodeError);
    const [trees] = nlp.rank(nlp.parseTokens([tokens]), 2);
    assert.equal(trees!.length, 1);
    assert.equal(trees![0]!.probability, null);
  });

  it("parses a sentence beyond the model's bound in pieces, as one tree", () => {
    const size = nlp.model.maxSentence + 7;
    const doc = nlp.parseTokens([new Array<string>(size).fill("word")]);
    assert.equal(doc.cut, 1);
    assert.equal(doc.sentences[0]!.tokens.filter((token) => token.head === 0).length, 1);
  });

  it("says which model it is, and under which licence", () => {
    assert.equal(nlp.model.name, "en-edge");
    assert.equal(nlp.model.licence, "Apache-2.0");
    assert.equal(nlp.model.tags.length, 17);
    assert.ok(JSON.stringify(nlp.model.manifest["training_data"]).includes("CC BY-SA 4.0"));
  });
});

describe("bad input", () => {
  const wrong: [string, () => unknown, RegExp][] = [
    ["a text that is none", () => nlp.parse(7 as never), /expected a text as a string, got number/],
    ["no text", () => nlp.parse(undefined as never), /got undefined/],
    ["a text among texts", () => [...nlp.pipe(["a", null as never])], /got null/],
    ["a group of no text", () => [...nlp.pipe(["a"], { batchSize: 0 })], /batchSize .* from 1/],
    ["sentences as a string", () => nlp.parseTokens("He waved." as never), /a list of sentences, got string/],
    ["a sentence as a string", () => nlp.parseTokens(["He waved."]), /sentence 0: expected a list of words, got string/],
    ["a sentence without words", () => nlp.parseTokens([["He"], []]), /sentence 1: expected at least one word/],
    ["a blank word", () => nlp.parseTokens([["He", " \n"]]), /sentence 0, word 1: expected a word, got " \\n"/],
    ["an unknown tag", () => nlp.parseTokens([["He"]], [["PRONOUN"]]), /one of the model's tags ADJ, .* got "PRONOUN"/],
    ["too few tags", () => nlp.parseTokens([["He", "waved"]], [["PRON"]]), /expected a list of 2 tags, got 1/],
    ["tags of too few sentences", () => nlp.parseTokens([["He"], ["She"]], [["PRON"]]), /tags for 2 sentences, got 1/],
    ["no tree", () => nlp.kBest(["He"], 0), /k to be a whole number from 1 to 1000000, got 0/],
    ["half a tree", () => nlp.kBest(["He"], 1.5), /got 1.5/],
    ["a document of nobody", () => nlp.rank({} as never, 1), /a document that a parser of this model made/],
  ];
  for (const [name, call, message] of wrong) {
    it(`${name}: refused`, () => {
      assert.throws(call, (error) => error instanceof InputError && error instanceof PosmoeError && message.test(error.message));
    });
  }

  it("after dispose: said so", async () => {
    const other = await load();
    other.dispose();
    other.dispose();
    assert.throws(() => other.parse("He waved."), DisposedError);
    assert.throws(() => other.kBest(["He"], 1), DisposedError);
  });
});

describe("a bundle", () => {
  it("comes from bytes, a URL or a path", async () => {
    for (const bundle of [await files(), model, model.pathname]) {
      const other = await load({ bundle });
      assert.equal(other.parse(TEXT).toConllu(), nlp.parse(TEXT).toConllu());
    }
  });

  const change = async (how: (manifest: Buffer, weights: Buffer) => [Uint8Array, Uint8Array]) => {
    const { manifest, weights } = await files();
    const [changed, other] = how(manifest, weights);
    return load({ bundle: { manifest: changed, weights: other } });
  };
  const text = (manifest: Buffer, from: string | RegExp, to: string) => Buffer.from(manifest.toString().replace(from, to));
  const broken: [string, Parameters<typeof change>[0], RegExp][] = [
    ["no JSON", (_, w) => [Buffer.from("{"), w], /manifest\.json is no whole JSON/],
    ["another version", (m, w) => [text(m, '"format": 1', '"format": 2'), w], /expected format 1, got 2/],
    ["an altered manifest", (m, w) => [text(m, '"en-edge"', '"en-edgy"'), w], /was altered: expected digest/],
    ["weights cut short", (m, w) => [m, w.subarray(0, 1000)], /weights\.safetensors was cut short or altered/],
    ["a flipped bit", (m, w) => [m, w.map((byte, i) => (i === 5_000_000 ? byte ^ 1 : byte))], /expected SHA-256/],
    ["nothing", () => [new Uint8Array(), new Uint8Array()], /manifest\.json/],
  ];
  for (const [name, how, message] of broken) {
    it(`with ${name}: refused`, async () => {
      await assert.rejects(change(how), (error) => error instanceof BundleError && message.test(error.message));
    });
  }

  it("that is not there: refused with its place", async () => {
    await assert.rejects(load({ bundle: "no/such folder" }), /BundleError: cannot read .*no\/such%20folder\/.*ENOENT|no such file/);
    await assert.rejects(load({ bundle: 7 as never }), InputError);
    await assert.rejects(load({ bundle: { manifest: "x", weights: "y" } as never }), InputError);
  });
});

describe("the module", () => {
  it("parses the same where its memory has more than 2 GiB", async () => {
    // the parts of `load`, so that the memory can grow without being filled
    const { compile, instantiate } = await import(new URL("module.js", dist).href);
    const { Core } = await import(new URL("core.js", dist).href);
    const exports = await instantiate(await compile(await readFile(new URL("posmoe.wasm", dist))));
    exports.memory.grow(33_000);
    const other = new Parser(new Core(exports, await files()), nlp.model);
    for (const text of [TEXT, TEXT.repeat(3000)]) assert.equal(other.parse(text).toConllu(), nlp.parse(text).toConllu());
  });

  it("that is none: an engine error", async () => {
    await assert.rejects(load({ wasm: new Uint8Array([1, 2, 3]) }), EngineError);
    await assert.rejects(load({ wasm: "no/such.wasm" }), EngineError);
    await assert.rejects(load({ instructionSet: "avx2" as never }), InputError);
    await assert.rejects(load({ engine: "tensorrt" as never }), InputError);
    await assert.rejects(load(null as never), InputError);
  });

  it("has kernels of two instruction sets, which give the same bits", async () => {
    const plain = await load({ instructionSet: "plain" });
    assert.deepEqual([nlp.instructionSet, plain.instructionSet], ["wasm", "plain"]);
    const tokens = TEXT.split(" ");
    assert.deepEqual(plain.scores(tokens), nlp.scores(tokens));
  });
});
