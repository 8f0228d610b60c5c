/** Drives the example page in a real Chromium, as a user does; prints what was seen as JSON: for test_browser.py. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { withChromium } from "../../js/chromium.mjs";

const [page, executablePath, out] = process.argv.slice(2);
const seen = { requests: [], problems: [] };

/** Opens the page and waits until it has answered. */
async function opened(context) {
  const tab = await context.newPage();
  tab.on("console", (message) => ["error", "warning"].includes(message.type()) && seen.problems.push(message.text()));
  tab.on("pageerror", (error) => seen.problems.push(String(error)));
  await tab.goto(pathToFileURL(page).href);
  await answered(tab, /parsed in/);
  return tab;
}

const answered = (tab, pattern) =>
  tab.waitForFunction((source) => new RegExp(source).test(document.getElementById("status").textContent), pattern.source);

/** Puts a text in the field at once, as pasting does. */
const paste = (tab, text) =>
  tab.evaluate((value) => {
    const field = document.getElementById("text");
    field.value = value;
    field.dispatchEvent(new InputEvent("input"));
  }, text);

const picture = (tab, number) =>
  tab.locator(`#sentences > li:nth-child(${number}) .tree`).evaluate((tree) => ({
    words: [...tree.querySelectorAll("svg > text:not(.tag)")].map((text) => text.textContent),
    tags: [...tree.querySelectorAll("svg > text.tag")].map((text) => text.textContent),
    relations: [...tree.querySelectorAll("text.relation")].map((text) => text.textContent).sort(),
  }));

/** The walk through the page. */
async function walk(context) {
  context.on("request", (request) => seen.requests.push(request.url()));
  const tab = await opened(context);
  await tab.fill("#text", "");
  await answered(tab, /Type a sentence/);
  seen.empty = await tab.locator("#sentences > li").count();
  await tab.locator("#text").pressSequentially("I don't think so. He waved 😀!");
  await answered(tab, /^2 sentences, 10 words, parsed in/);
  await tab.waitForSelector("#sentences > li:nth-child(2) .tree svg");
  seen.typed = await picture(tab, 1);
  seen.label = await tab.locator("#sentences > li:first-child svg").getAttribute("aria-label");

  // by keyboard alone: from the field to the first tree, then to its table, which Enter opens
  await tab.locator("#text").focus();
  await tab.keyboard.press("Tab");
  seen.focus = [await tab.evaluate(() => document.activeElement.getAttribute("aria-label"))];
  await tab.keyboard.press("Tab");
  seen.focus.push(await tab.evaluate(() => document.activeElement.textContent));
  await tab.keyboard.press("Enter");
  await tab.waitForSelector("#sentences table");
  seen.table = await tab.locator("#sentences table tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  seen.accessible = await tab.locator("body").ariaSnapshot();
  await tab.screenshot({ path: join(out, "wide.png") });

  // a narrow screen, in the dark
  await tab.emulateMedia({ colorScheme: "dark" });
  await tab.setViewportSize({ width: 320, height: 640 });
  await paste(tab, "The committee that the board of the company appointed last year has not met since it was told to wait.");
  await answered(tab, /^1 sentence, 21 words/);
  seen.narrow = await tab.evaluate(() => document.documentElement.scrollWidth);
  await tab.screenshot({ path: join(out, "narrow.png"), fullPage: true });
  await tab.emulateMedia({ colorScheme: "light" });
  await tab.setViewportSize({ width: 1000, height: 800 });
  await tab.screenshot({ path: join(out, "sentence.png") });

  // 100,000 characters, typed over while they are parsed
  const long = "I saw the man with a telescope. He waved, but nobody knew why. ".repeat(1600).slice(0, 100_000);
  await paste(tab, long);
  await paste(tab, `${long} It ends.`);
  await tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve))); // the page goes on
  await answered(tab, /^3,\d\d\d sentences, [\d,]+ words, parsed in/);
  seen.long = {
    status: await tab.locator("#status").textContent(),
    items: await tab.locator("#sentences > li").count(),
    drawn: await tab.locator("#sentences svg").count(),
  };
  const last = await tab.waitForFunction(() => {
    const item = document.querySelector("#sentences > li:last-child");
    item.scrollIntoView(); // again, as what is drawn above needs room
    const words = [...item.querySelectorAll("svg > text:not(.tag)")].map((text) => text.textContent);
    return words.length > 0 && words;
  });
  seen.last = await last.jsonValue();
  await tab.waitForFunction(() => document.querySelector("#sentences > li:first-child svg") === null);

  // 100,000 characters without an end of a sentence
  await paste(tab, "word ".repeat(20_000));
  await answered(tab, /20,000 words/);
  await tab.evaluate(() => scrollTo(0, 0));
  await tab.waitForSelector("#sentences > li:first-child svg");
  seen.endless = { pages: await tab.locator(".window span").first().textContent(), words: (await picture(tab, 1)).words.length };
  await tab.getByRole("button", { name: "Later words" }).first().click();
  seen.endless.next = await tab.locator(".window span").first().textContent();

  // nothing has left, and nothing can
  seen.made = [...seen.requests];
  seen.blocked = await tab.evaluate(async () => {
    const violated = [];
    document.addEventListener("securitypolicyviolation", (event) => violated.push(event.effectiveDirective));
    const tries = [() => fetch("http://localhost:9/"), () => new Image().setAttribute("src", "http://localhost:9/x.png")];
    for (const attempt of tries) await Promise.resolve().then(attempt).catch(() => {});
    new WebSocket("ws://localhost:9/").onerror = () => {};
    await new Promise((resolve) => setTimeout(resolve, 50));
    return violated.sort();
  });
}

await withChromium(executablePath, { viewport: { width: 1000, height: 800 } }, walk);
seen.problems = seen.problems.filter((text) => !text.includes("localhost:9"));
console.log(JSON.stringify(seen));
