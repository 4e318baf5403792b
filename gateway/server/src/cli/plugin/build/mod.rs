//! `sluicegate plugin build`: runs the tool of the plugin's language and makes a component of what
//! it leaves. Nothing is fetched, and nothing is left behind but the component.
//!
//! A file for each language; `tool` finds and runs programs, `stage` is a folder to work in.

mod c;
mod go;
mod javascript;
mod python;
mod rust;
mod stage;
mod tool;
mod verb;

pub(super) use verb::{Ask, build};
