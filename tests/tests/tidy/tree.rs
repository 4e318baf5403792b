//! The files of the repository, as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

use sluicegate_tests::fixtures::root;

/// A text file.
#[derive(Clone)]
pub(crate) struct Text {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// Its content.
    pub(crate) content: String,
}

/// Folders that hold what was built or fetched, not what was written.
const SKIPPED: [&str; 3] = ["target", "node_modules", "data"];

/// Every file with this ending, below every folder that is ours.
pub(crate) fn files(ending: &str) -> Vec<Text> {
    let mut found = Vec::new();
    walk(&root(), ending, &mut found);
    assert!(!found.is_empty(), "no file ends with {ending}: the walk is broken");
    found
}

/// Every Rust file of the host crates, tests included.
pub(crate) fn host_sources() -> Vec<Text> {
    let mut files = files(".rs");
    files.retain(|file| file.path.starts_with("gateway/"));
    files
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<Text>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                walk(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            let content = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push(Text { path, content });
        }
    }
}
