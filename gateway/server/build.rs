//! Puts the SDKs into the binary, for `sluicegate plugin new`: packages that no registry has.
//!
//! It writes a table of the files below `sdk/` that a plugin needs. It must never take what a build
//! left there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../sdk");
    let mut files = Vec::new();
    for part in PARTS {
        let folder = root.join(part);
        println!("cargo::rerun-if-changed={}", folder.display());
        collect(&root, &folder, &mut files)?;
    }
    files.sort();
    let mut table = String::from("pub(super) const FILES: &[(&str, &[u8])] = &[\n");
    for (name, file) in files {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "    ({name:?}, include_bytes!({file:?})),");
    }
    table.push_str("];\n");
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("sdk_files.rs"), table)
}

fn collect(root: &Path, at: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(at)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if LEFT.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let relative = path.strip_prefix(root).map_err(io::Error::other)?;
            files.push((relative.to_string_lossy().into_owned(), path.canonicalize()?));
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

const PARTS: [&str; 7] = ["wit", "template", "rust", "javascript", "python", "go", "c"];

/// What tools leave in a source tree.
const LEFT: [&str; 4] = ["target", "node_modules", "__pycache__", ".venv"];
