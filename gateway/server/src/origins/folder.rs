//! Which file of a folder is the newest: by the semantic version in its name, then by its name.
//!
//! Times are not asked: a copy, a checkout or a restored backup gives files new ones.

use std::io;
use std::path::{Path, PathBuf};

use semver::Version;

/// The newest `*.wasm` of a folder; `None` if it has none. A name that begins with a dot is not
/// looked at: whoever writes slowly can write there, and rename.
pub(super) fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut best: Option<(Option<Version>, String)> = None;
    for (count, entry) in std::fs::read_dir(folder)?.enumerate() {
        if count >= FILES_MAX {
            return Err(io::Error::other(format!("more than {FILES_MAX} files")));
        }
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let Some(stem) = name.strip_suffix(".wasm").filter(|stem| !stem.starts_with('.')) else {
            continue;
        };
        let rank = (version(stem), name);
        // Without a version is older than with any.
        if best.as_ref().is_none_or(|best| rank > *best) {
            best = Some(rank);
        }
    }
    Ok(best.map(|(_, name)| folder.join(name)))
}

/// The version at the end of a name: `1.2.0` in `severity-1.2.0`, `severity_v1.2.0`.
fn version(stem: &str) -> Option<Version> {
    let begins = |at: usize| match stem.get(..at)?.chars().next_back() {
        None | Some('-' | '_' | '@' | '.') => stem.get(at..),
        Some(_) => None,
    };
    stem.char_indices().filter_map(|(at, _)| begins(at)).find_map(|text| {
        let text = text.strip_prefix('v').unwrap_or(text);
        Version::parse(text).ok()
    })
}

/// A folder with more is not one of plugins.
const FILES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_at_the_end_of_a_name() {
        for (stem, wanted) in [
            ("severity-1.2.0", Some("1.2.0")),
            ("severity_v10.0.3", Some("10.0.3")),
            ("1.2.3", Some("1.2.3")),
            ("a.b@1.0.0-rc.1+x", Some("1.0.0-rc.1+x")),
            ("a-1.2.0-beta-3.4.5", Some("1.2.0-beta-3.4.5")),
            ("severity", None),
            ("severity-1.2", None),
            ("severity-1.2.0x", None),
            ("s1.2.0", None),
            ("é-1.0.0", Some("1.0.0")),
        ] {
            assert_eq!(version(stem), wanted.map(|text| text.parse().unwrap()), "{stem}");
        }
    }

    #[test]
    fn the_newest_is_chosen_by_version_and_then_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = || {
            let path = newest(folder.path()).unwrap()?;
            Some(path.file_name().unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(chosen(), None);
        for (added, wanted) in [
            ("a.wasm", "a.wasm"),
            ("b.wasm", "b.wasm"),
            ("a-1.9.0.wasm", "a-1.9.0.wasm"),
            ("a-1.10.0-rc.1.wasm", "a-1.10.0-rc.1.wasm"),
            ("a-1.10.0.wasm", "a-1.10.0.wasm"),
            ("a-1.2.0.wasm", "a-1.10.0.wasm"),
            (".a-9.0.0.wasm", "a-1.10.0.wasm"),
            ("a-9.0.0.wasm.part", "a-1.10.0.wasm"),
            ("b-1.10.0.wasm", "b-1.10.0.wasm"),
        ] {
            std::fs::write(folder.path().join(added), "").unwrap();
            assert_eq!(chosen().as_deref(), Some(wanted), "{added}");
        }
        assert!(newest(&folder.path().join("none")).is_err());
    }
}
