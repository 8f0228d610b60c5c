/** Documents as CoNLL-U, the same lines as Python and the command write. */

import type { Document, Sentence } from "./document.js";

export function conllu(document: Document): string {
  return document.sentences.map(block).join("");
}

function block(sentence: Sentence): string {
  const lines = [`# sent_id = ${sentence.index + 1}`, `# text = ${surface(sentence)}`];
  const { multiwords } = sentence;
  let next = 0;
  for (const token of sentence.tokens) {
    const multiword = multiwords[next];
    const within = multiword !== undefined && token.index >= multiword.first;
    if (multiword?.first === token.index) {
      const misc = multiword.spaceAfter ? "_" : "SpaceAfter=No";
      lines.push(`${multiword.first}-${multiword.last}\t${cell(multiword.text)}\t_\t_\t_\t_\t_\t_\t_\t${misc}`);
    }
    if (multiword?.last === token.index) ++next;
    const misc = within || token.spaceAfter ? "_" : "SpaceAfter=No";
    const { index, text, upos, head, deprel } = token;
    lines.push(`${index}\t${cell(text)}\t_\t${upos}\t_\t_\t${head}\t${deprel}\t_\t${misc}`);
  }
  return `${lines.join("\n")}\n\n`;
}

/** The sentence's surface tokens, with one space wherever white space follows. */
function surface(sentence: Sentence): string {
  const { text, token, tokenStart, tokenEnd, spaceAfter, sentences } = sentence.document.columns;
  const first = token[sentences[sentence.index]!]!;
  const last = token[sentences[sentence.index + 1]! - 1]!;
  let result = "";
  for (let t = first; t <= last; ++t) {
    result += text.slice(tokenStart[t], tokenEnd[t]);
    if (spaceAfter[t] === 1) result += " ";
  }
  return cell(result).replace(/ +$/, "");
}

/** Text that breaks neither line nor column. */
function cell(text: string): string {
  return text.replace(/[\t\n\r]+/g, " ");
}
