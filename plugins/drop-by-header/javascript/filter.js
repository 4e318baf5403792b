// Discards events that carry a header. It never sees the payload.

import { drop, next, plugin } from "sluicegate-plugin";

export const filter = plugin((config) => {
  const { header, values, reason } = read(config);
  return {
    headers: [header],
    data: "none",
    filter(event) {
      const marks = event.headerValues(header);
      const isWanted = marks.some((mark) => values.length === 0 || values.includes(mark));
      return isWanted ? drop(reason) : next;
    },
  };
});

// Members that are not known are errors, so that a typing error is seen.
function read({ header, values = [], reason, ...others }) {
  for (const name of Object.keys(others)) throw wrong(name);
  if (header === undefined) throw new Error("config: header is missing");
  if (typeof header !== "string" || header === "" || header === "*") throw wrong("header");
  if (!Array.isArray(values) || values.some((value) => typeof value !== "string")) {
    throw wrong("values");
  }
  const lower = header.toLowerCase();
  if (reason === undefined) return { header: lower, values, reason: `marked by ${lower}` };
  if (typeof reason !== "string") throw wrong("reason");
  return { header: lower, values, reason };
}

function wrong(name) {
  return new Error(`config: ${name} is unknown or has a wrong value`);
}
