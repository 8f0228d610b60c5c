/** A parser behind a port: as in a page, with Node's worker and MessagePort. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Worker } from "node:worker_threads";

import { BundleError, DisposedError, InputError, load } from "posmoe";
import { type Port, RemoteParser } from "posmoe/worker";

const TEXT = "I don't think so. 😀 He waved.";
const SCRIPT = `
  const { workerData } = require("node:worker_threads");
  import("posmoe/serve").then(({ serve }) => serve(workerData));
`;

async function start(options = {}): Promise<RemoteParser> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(SCRIPT, { eval: true, workerData: port2, transferList: [port2 as never] });
  const stop = () => {
    port1.close();
    void worker.terminate();
  };
  try {
    return await RemoteParser.load(port1 as unknown as Port, options, stop);
  } catch (error) {
    stop();
    throw error;
  }
}

describe("a remote parser", () => {
  let nlp: RemoteParser;
  before(async () => {
    nlp = await start();
  });
  after(() => nlp.dispose());

  it("gives what a parser here gives", async () => {
    const here = await load();
    const [text, tokens, trees] = await Promise.all([
      nlp.parse(TEXT),
      nlp.parseTokens([["He", "waved"]], [["PRON", null]]),
      nlp.kBest(["He", "waved"], 2),
    ]);
    assert.equal(text.toConllu(), here.parse(TEXT).toConllu());
    assert.equal(tokens.toConllu(), here.parseTokens([["He", "waved"]], [["PRON", null]]).toConllu());
    assert.deepEqual(trees, here.kBest(["He", "waved"], 2));
    assert.deepEqual(nlp.model, here.model);
    assert.equal(nlp.longestRanked, here.longestRanked);
  });

  it("keeps the class and message of an error", async () => {
    await assert.rejects(nlp.parseTokens([["He"]], [["PRONOUN"]]), (error) => error instanceof InputError);
    await assert.rejects(nlp.parse(7 as never), /expected a text as a string, got number/);
    await assert.rejects(start({ bundle: { manifest: new Uint8Array(1), weights: new Uint8Array(1) } }), BundleError);
  });

  it("drops what is given up, and goes on with the rest", async () => {
    const controller = new AbortController();
    const first = nlp.parse(TEXT.repeat(200));
    const given = Array.from({ length: 50 }, () => nlp.parse(TEXT.repeat(1000), { signal: controller.signal }));
    const last = nlp.parse("He waved.");
    controller.abort(new Error("typed on"));
    for (const one of given) await assert.rejects(one, /typed on/);
    await assert.rejects(nlp.parse("x", { signal: controller.signal }), /typed on/);
    assert.equal((await first).sentences.length > 1, true);
    assert.equal((await last).text, "He waved.");
  });

  it("says so after dispose, also to those who wait", async () => {
    const other = await start();
    const waiting = [other.parse(TEXT.repeat(1000)), other.parse(TEXT)];
    other.dispose();
    for (const one of waiting) await assert.rejects(one, DisposedError);
    await assert.rejects(other.parse(TEXT), DisposedError);
  });
});
