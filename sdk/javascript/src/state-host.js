// State inside a component. A file of its own: a component imports it only if this is reached.

export * as state from "sluicegate:plugin/state@0.1.0";
