/** A Chromium for tests and measurements: the system's own, in a profile that lives as long as it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

// nothing that it does of its own accord, least of all on the network
const QUIET = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

/** Calls `use` with a browser context, and closes it whatever comes. */
export async function withChromium(executablePath, options, use) {
  const profile = mkdtempSync(join(tmpdir(), "posmoe-chromium-"));
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: QUIET, ...options });
  try {
    return await use(context);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
