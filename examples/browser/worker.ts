/** The worker's script. */

import { type Port, serve } from "posmoe/serve";

serve(self as unknown as Port);
