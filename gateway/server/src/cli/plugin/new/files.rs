//! The files of a new plugin, from what the binary carries of `sdk/`.

use crate::cli::plugin::manifest::Language;

include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// A file of a new plugin.
pub(super) struct NewFile {
    /// Its path in the plugin's folder.
    pub(super) path: String,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
    /// Whether it is a program.
    pub(super) runs: bool,
}

/// Every file of a new plugin of this name: the common templates, those of the language, the SDK of
/// the language and the contract.
pub(super) fn files(language: Language, name: &str) -> Vec<NewFile> {
    let word = language.word();
    // C++ has the SDK of C, and templates of its own.
    let template = match language {
        Language::Cpp => format!("{word}/template-cpp/"),
        _ => format!("{word}/template/"),
    };
    let mut all = Vec::new();
    for (path, bytes) in FILES {
        let filled = path.strip_prefix("template/").or_else(|| path.strip_prefix(&template));
        if let Some(filled) = filled {
            let bytes = fill(bytes, language, name);
            all.push(NewFile { path: filled.to_owned(), bytes, runs: false });
        } else if is_of_sdk(path, word) {
            let bytes = bytes.to_vec();
            let runs = bytes.starts_with(b"#!");
            all.push(NewFile { path: format!("sdk/{path}"), bytes, runs });
        }
    }
    all
}

/// What a plugin needs of the SDK: not its own tests, nor what makes it.
fn is_of_sdk(path: &str, word: &str) -> bool {
    let Some((part, rest)) = path.split_once('/') else { return false };
    let own = ["test/", "tests/", "template/", "template-cpp/"];
    let is_own = rest == "generate"
        || rest.ends_with("_test.go")
        || own.iter().any(|own| rest.starts_with(own));
    part == "wit" || part == word && !is_own
}

fn fill(bytes: &[u8], language: Language, name: &str) -> Vec<u8> {
    let (first, test) = match language {
        Language::Rust => ("src/lib.rs", "cargo test"),
        Language::Javascript => ("filter.js", "npm install && npm test"),
        Language::Python => ("filter.py", "PYTHONPATH=sdk/python python3 -m unittest"),
        Language::Go => ("filter.go", "go test"),
        Language::C => ("filter.c", "sdk/c/run-tests ."),
        Language::Cpp => ("filter.cpp", "sdk/c/run-tests ."),
    };
    let text = String::from_utf8_lossy(bytes);
    let text = text.replace("{name}", name).replace("{language}", language.name());
    text.replace("{source}", first).replace("{unit tests}", test).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_files_and_no_placeholder_is_left() {
        for language in [
            Language::Rust,
            Language::Javascript,
            Language::Python,
            Language::Go,
            Language::C,
            Language::Cpp,
        ] {
            let files = files(language, "my-filter");
            let has = |path: &str| files.iter().any(|file| file.path == path);
            for path in ["plugin.yaml", "README.md", "cases.yaml", "sdk/wit/plugin.wit"] {
                assert!(has(path), "{language:?}: {path}");
            }
            assert!(
                files.iter().any(
                    |file| file.path.starts_with("sdk/") && file.path.contains(language.word())
                )
            );
            for file in files.iter().filter(|file| !file.path.starts_with("sdk/")) {
                let text = String::from_utf8_lossy(&file.bytes);
                for left in ["{name}", "{language}", "{source}", "{unit tests}"] {
                    assert!(!text.contains(left), "{}: {left}", file.path);
                }
            }
        }
    }
}
