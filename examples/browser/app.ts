/** The page: asks the worker while one types, and shows the newest answer. */

import type { Document } from "posmoe";
import { RemoteParser } from "posmoe/worker";

import { Item } from "./sentence.js";

const SHORT = 2_000; // characters that are parsed at every key; longer texts wait for a pause in typing
const PAUSE = 150; // milliseconds
const AT_ONCE = 100; // items that are made before the page may do something else

const text = byId<HTMLTextAreaElement>("text");
const status = byId("status");
const list = byId("sentences");
const items: Item[] = [];
const byElement = new WeakMap<Element, Item>();

// Trees are drawn a screen ahead of what is seen, and taken away behind.
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) byElement.get(target)!.near = isIntersecting;
  },
  { rootMargin: "100% 0px" },
);

let asked = new AbortController();

async function update(nlp: RemoteParser): Promise<void> {
  asked.abort();
  const mine = (asked = new AbortController());
  const { signal } = mine;
  if (text.value.length > SHORT) {
    status.textContent = "…";
    await pause(PAUSE);
  }
  if (signal.aborted) return;
  const begin = performance.now();
  try {
    const parsed = await nlp.parse(text.value, { signal });
    const time = performance.now() - begin;
    await show(parsed, signal);
    if (!signal.aborted) status.textContent = summary(parsed, time);
  } catch (error) {
    if (!signal.aborted) failed(error);
  }
}

/** Brings the list to a document, some items after others so that the page goes on answering. */
async function show(parsed: Document, signal: AbortSignal): Promise<void> {
  for (const item of items.splice(parsed.sentences.length)) {
    observer.unobserve(item.element);
    item.element.remove();
  }
  for (const [i, sentence] of parsed.sentences.entries()) {
    if (i > 0 && i % AT_ONCE === 0) {
      await pause(0);
      if (signal.aborted) return;
    }
    const item = items[i] ?? added();
    item.show(sentence);
  }
}

function added(): Item {
  const item = new Item();
  items.push(item);
  byElement.set(item.element, item);
  list.append(item.element);
  observer.observe(item.element);
  return item;
}

function summary(parsed: Document, time: number): string {
  const [words, sentences] = [parsed.columns.start.length, parsed.sentences.length];
  if (words === 0) return "Type a sentence.";
  const cut = parsed.cut > 0 ? ` ${count(parsed.cut, "sentence was", "sentences were")} cut: longer than the model takes.` : "";
  return `${count(sentences, "sentence", "sentences")}, ${count(words, "word", "words")}, parsed in ${time.toFixed(0)} ms.${cut}`;
}

function count(number: number, one: string, more: string): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : more}`;
}

function failed(error: unknown): void {
  status.classList.add("failed");
  status.textContent = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** The bytes that the page carries under a name. */
function carried(id: string): Uint8Array {
  const element = byId(id);
  const bytes = Uint8Array.from(atob(element.textContent!.trim()), (character) => character.charCodeAt(0));
  element.remove();
  return bytes;
}

async function start(): Promise<void> {
  const script = URL.createObjectURL(new Blob([byId("worker").textContent!], { type: "text/javascript" }));
  const worker = new Worker(script);
  const options = { wasm: carried("wasm"), bundle: { manifest: carried("manifest"), weights: carried("weights") } };
  const nlp = await RemoteParser.load(worker, options, () => worker.terminate());
  URL.revokeObjectURL(script);
  const { name, version, licence } = nlp.model;
  byId("model").textContent =
    `Model ${name} ${version}, licence ${licence}; trained on UD_English-EWT (CC BY-SA 4.0) and raw text. Tags, ` +
    "relations and heads after Universal Dependencies.";
  text.addEventListener("input", () => void update(nlp));
  await update(nlp);
}

start().catch(failed);
