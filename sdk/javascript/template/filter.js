// Drops the events that are marked as spam.

import { drop, next, plugin } from "sluicegate-plugin";

export const filter = plugin({
  types: ["push"],
  headers: ["x-spam"],
  data: "none",
  filter: (event) => (event.header("x-spam") ? drop("marked as spam") : next),
});
