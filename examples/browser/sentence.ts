/** One sentence of the list: its text at once, its tree and table only while it is near the screen. */

import type { Sentence } from "posmoe";

import { draw, type Word } from "./tree.js";

const WINDOW = 80; // words that are drawn at a time

/** An item of the list. What it shows changes with `show`; what is drawn comes and goes with `near`. */
export class Item {
  readonly element = document.createElement("li");
  #sentence: Sentence | undefined;
  #key = "";
  #near = false;
  #first = 0; // of the words that are drawn

  /** Takes a sentence; does nothing if its words and tree are the same. */
  show(sentence: Sentence): void {
    const { heads, deprels } = sentence.document.columns;
    const begin = sentence.document.columns.sentences[sentence.index]!;
    const own = (column: Int32Array) => column.subarray(begin, begin + sentence.length).join();
    const key = `${sentence.text}\n${own(heads)}\n${own(deprels)}`;
    this.#sentence = sentence;
    if (key === this.#key) return;
    this.#key = key;
    this.#first = 0;
    this.#render();
  }

  set near(near: boolean) {
    if (near === this.#near) return;
    this.#near = near;
    this.#render();
  }

  #render(): void {
    const text = document.createElement("p");
    text.textContent = this.#text();
    const open = this.element.querySelector("details")?.open ?? false;
    this.element.replaceChildren(text);
    if (this.#near) this.element.append(this.#tree(), ...this.#pages(), this.#table(open));
  }

  /** The text of the words that are drawn. */
  #text(): string {
    const { document, tokens } = this.#sentence!;
    const last = Math.min(this.#first + WINDOW, tokens.length) - 1;
    return document.text.slice(tokens[this.#first]!.start, tokens[last]!.end);
  }

  #words(): Word[] {
    const end = this.#first + WINDOW;
    return this.#sentence!.tokens.slice(this.#first, end).map(({ text, upos, head, deprel }) => {
      const inside = head > this.#first && head <= end;
      return { text, upos, head: head === 0 ? 0 : inside ? head - this.#first : -1, deprel };
    });
  }

  #tree(): HTMLElement {
    const region = document.createElement("div");
    const number = this.#sentence!.index + 1;
    region.className = "tree";
    const label = `Tree of sentence ${number}, its root is ${this.#sentence!.root.text}. The table below tells it in words.`;
    region.append(draw(this.#words(), label));
    region.setAttribute("role", "group");
    region.setAttribute("aria-label", `Tree of sentence ${number}, scrolls sideways`);
    region.tabIndex = 0; // so that the arrow keys can scroll it
    return region;
  }

  /** Buttons that lead through the words of a long sentence. */
  *#pages(): Generator<HTMLElement> {
    const { length } = this.#sentence!;
    if (length <= WINDOW) return;
    const row = document.createElement("div");
    row.className = "window";
    const shown = document.createElement("span");
    shown.textContent = `words ${this.#first + 1} to ${Math.min(this.#first + WINDOW, length)} of ${length}`;
    const button = (name: string, to: number) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = name;
      made.disabled = to < 0 || to >= length;
      made.addEventListener("click", () => {
        this.#first = to;
        this.#render();
        this.element.querySelector<HTMLButtonElement>(`.window button:enabled`)?.focus();
      });
      return made;
    };
    row.append(button("Earlier words", this.#first - WINDOW), shown, button("Later words", this.#first + WINDOW));
    yield row;
  }

  #table(open: boolean): HTMLElement {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = "As a table";
    details.append(summary);
    const fill = () => {
      if (details.open && details.childElementCount === 1) details.append(this.#rows());
    };
    details.addEventListener("toggle", fill);
    details.open = open;
    fill();
    return details;
  }

  #rows(): HTMLElement {
    const table = document.createElement("table");
    const row = (name: "th" | "td", cells: string[]) => {
      const line = table.insertRow();
      for (const text of cells) {
        const cell = document.createElement(name);
        cell.textContent = text;
        if (name === "th") cell.setAttribute("scope", "col");
        line.append(cell);
      }
    };
    row("th", ["Word", "Part of speech", "Relation", "Head"]);
    const { tokens } = this.#sentence!;
    for (const { text, upos, deprel, head } of tokens.slice(this.#first, this.#first + WINDOW)) {
      row("td", [text, upos, deprel, head === 0 ? "–" : tokens[head - 1]!.text]);
    }
    return table;
  }
}
