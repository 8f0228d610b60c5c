"use strict";
// Pictures and tables come from the service: /v1/parse and /v1/k-best as text/html.
const at = (id) => document.getElementById(id);
let asked = null; // what the pictures on the page show

function headers(accept) {
  const result = { "Accept": accept, "Content-Type": "application/json" };
  if (at("key").value) result["Authorization"] = `Bearer ${at("key").value}`;
  return result;
}

async function problemOf(answer) {
  if (answer.status === 401) at("key-row").hidden = false;
  try {
    return (await answer.json()).detail;
  } catch {
    return `the service answered ${answer.status}.`;
  }
}

async function ask(request, accept) {
  const { k, ...rest } = request;
  const path = k > 1 ? "v1/k-best" : "v1/parse";
  const body = JSON.stringify(k > 1 ? request : rest);
  const answer = await fetch(path, { method: "POST", headers: headers(accept), body });
  if (!answer.ok) throw new Error(await problemOf(answer));
  return answer.text();
}

function tell(status, problem = "") {
  at("status").textContent = status;
  at("problem").textContent = problem;
}

async function learn() {
  const answer = await fetch("v1/info", { headers: headers("application/json") });
  if (!answer.ok) throw new Error(await problemOf(answer));
  const info = await answer.json();
  at("engine").replaceChildren(...info.engines.map(({ name }) => new Option(name, name)));
  at("k").max = info.limits.max_trees;
  at("model").textContent = `posmoe ${info.version}, model ${info.model} ${info.model_version}`;
}

async function parse(event) {
  event.preventDefault();
  const request = { text: at("text").value, k: Number(at("k").value) };
  at("parse").disabled = true;
  tell("Parsing …");
  try {
    if (!at("engine").value) await learn();
    request.engine = at("engine").value;
    // the page has its own style sheet; the answer's would offend the Content-Security-Policy
    const text = (await ask(request, "text/html")).replace(/<style>[^]*?<\/style>/, "");
    const page = new DOMParser().parseFromString(text, "text/html");
    const sentences = page.querySelectorAll("main > section");
    at("trees").replaceChildren(...sentences);
    tell(sentences.length === 1 ? "1 sentence." : `${sentences.length} sentences.`);
    asked = request;
  } catch (error) {
    at("trees").replaceChildren();
    asked = null;
    tell("", error instanceof TypeError ? "the service cannot be reached." : error.message);
  }
  at("parse").disabled = false;
  at("copy").disabled = asked === null;
}

async function copy() {
  try {
    await navigator.clipboard.writeText(await ask(asked, "text/x-conllu"));
    tell("CoNLL-U is in the clipboard.");
  } catch (error) {
    tell("", error.message);
  }
}

at("form").addEventListener("submit", parse);
at("copy").addEventListener("click", copy);
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("form").requestSubmit();
});
learn().then(() => at("form").requestSubmit()).catch((error) => tell("", error.message));
