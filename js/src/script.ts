/** The script that `loadInWorker` starts. */

import { type Port, serve } from "./serve.js";

serve(globalThis as unknown as Port);
