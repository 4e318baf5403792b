// What time it is, as the gateway says: a replay may pin it. In the sandbox `Date` asks it too.

import { clock } from "#host";

// Milliseconds since 1970.
export function now() {
  return Math.floor(clock.nowNs() / 1e6);
}
