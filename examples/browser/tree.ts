/** A tree as a picture: words in a row, an arc from each head to its dependent, low arcs below high ones. */

/** A word, as the picture needs it; heads count from 1 within the words that are drawn, 0 is the root, -1 lies outside. */
export interface Word {
  text: string;
  upos: string;
  head: number;
  deprel: string;
}

interface Arc {
  head: number; // places from 0
  dependent: number;
  level: number;
}

const [LEVEL, GAP, SIDE, BASE, CURVE] = [26, 18, 12, 46, 8];

/** Draws words; `label` is what a screen reader says in the picture's place. */
export function draw(words: readonly Word[], label: string): SVGSVGElement {
  const centres: number[] = [];
  let right = SIDE;
  for (const { text, upos, deprel } of words) {
    const width = Math.max(measure(text, 16), measure(upos, 12), measure(deprel, 12) + 12);
    centres.push(right + width / 2);
    right += width + GAP;
  }
  const arcs = levels(words);
  const highest = Math.max(1, ...arcs.map((arc) => arc.level)) + 1;
  const floor = highest * LEVEL + 20; // where arcs end
  const [width, height] = [right - GAP + SIDE, floor + BASE];
  const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  words.forEach(({ text, upos, head, deprel }, i) => {
    const x = centres[i]!;
    svg.append(element("text", { x, y: floor + 20 }, text), element("text", { x, y: floor + 36, class: "tag" }, upos));
    if (head === 0) svg.append(rootLine(x, floor, deprel));
  });
  for (const { head, dependent, level } of arcs) {
    const [to, away] = [centres[dependent]!, Math.sign(dependent - head)];
    const from = centres[head]! + away * 7; // beside the arc that comes in
    svg.append(arcLine(from, to, floor, floor - level * LEVEL, words[dependent]!.deprel));
  }
  return svg as SVGSVGElement;
}

/** Arcs between drawn words; one is higher than all that lie under it. */
function levels(words: readonly Word[]): Arc[] {
  const arcs = words.flatMap(({ head }, i) => (head > 0 ? [{ head: head - 1, dependent: i, level: 0 }] : []));
  const ends = (arc: Arc) => [Math.min(arc.head, arc.dependent), Math.max(arc.head, arc.dependent)] as const;
  const span = (arc: Arc) => Math.abs(arc.head - arc.dependent);
  arcs.sort((a, b) => span(a) - span(b));
  arcs.forEach((arc, i) => {
    const [left, right] = ends(arc);
    for (const other of arcs.slice(0, i)) {
      const [from, to] = ends(other);
      if (from < right && left < to) arc.level = Math.max(arc.level, other.level);
    }
    ++arc.level;
  });
  return arcs;
}

function arcLine(from: number, to: number, floor: number, top: number, relation: string): SVGElement {
  const turn = Math.sign(to - from) * Math.min(CURVE, Math.abs(to - from) / 2);
  const path =
    `M${from} ${floor}V${top + CURVE}Q${from} ${top} ${from + turn} ${top}` +
    `H${to - turn}Q${to} ${top} ${to} ${top + CURVE}V${floor - 5}`;
  return group("arc", path, to, floor, (from + to) / 2, top - 4, relation);
}

function rootLine(x: number, floor: number, relation: string): SVGElement {
  return group("arc root", `M${x} 18V${floor - 5}`, x, floor, x, 13, relation);
}

function group(
  name: string, path: string, tip: number, floor: number, x: number, y: number, relation: string,
): SVGElement {
  const parent = element("g", { class: name });
  parent.append(
    element("path", { class: "edge", d: path }),
    element("path", { class: "tip", d: `M${tip - 4} ${floor - 8}h8L${tip} ${floor}z` }),
    element("text", { class: "relation", x, y }, relation),
  );
  return parent;
}

function element(name: string, attributes: Record<string, string | number>, text?: string): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

const canvas = document.createElement("canvas").getContext("2d")!;

function measure(text: string, size: number): number {
  canvas.font = `${size}px system-ui, sans-serif`;
  return canvas.measureText(text).width;
}
