//! The shape of the tree and of its files: the top level, first lines, widths and lengths.

use std::collections::BTreeSet;
use std::fs;

use sluicegate_tests::fixtures::root;

use crate::tree::{Text, files};
use crate::{assert_bites, assert_clean};

/// The top level, exactly; names that start with a dot are free.
const TOP_LEVEL: [&str; 10] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "examples",
    "gateway",
    "plugins",
    "schemas",
    "sdk",
    "tests",
];

/// Columns of a line.
const COLUMNS_MAX: usize = 100;

/// Lines of a file: beyond this it holds more than one idea.
const LINES_MAX: usize = 400;

fn top_level_complaints(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let found: BTreeSet<String> =
        names.into_iter().filter(|name| !name.starts_with('.') && name != "target").collect();
    let agreed: BTreeSet<String> = TOP_LEVEL.iter().map(|name| (*name).to_owned()).collect();
    let extra = found.difference(&agreed).map(|name| format!("{name} is not of the top level"));
    let missing = agreed.difference(&found).map(|name| format!("{name} is missing"));
    extra.chain(missing).collect()
}

fn without_module_doc(files: &[Text]) -> Vec<String> {
    let bare = files.iter().filter(|file| !file.content.starts_with("//! "));
    bare.map(|file| format!("{}: the first line must open with //!", file.path)).collect()
}

/// Where data of tests stands: rustfmt leaves long literals as they are, and so do we.
fn is_test(file: &Text) -> bool {
    ["/tests/", "/examples/"].iter().any(|folder| file.path.contains(folder))
}

fn wide_lines(files: &[Text]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| !is_test(file)) {
        for (at, line) in file.content.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                complaints.push(format!("{}:{}: {columns} columns", file.path, at + 1));
            }
        }
    }
    complaints
}

fn long_files(files: &[Text]) -> Vec<String> {
    let lines = |file: &Text| file.content.lines().count();
    let long = files.iter().filter(|file| lines(file) > LINES_MAX);
    long.map(|file| format!("{}: {} lines", file.path, lines(file))).collect()
}

fn example(content: &str) -> Vec<Text> {
    vec![Text { path: "gateway/x/src/lib.rs".into(), content: content.into() }]
}

#[test]
fn the_top_level_is_exactly_the_agreed_one() {
    let names = || TOP_LEVEL.iter().map(|name| (*name).to_owned());
    let with_extra = names().chain(["deny.toml".to_owned(), ".ci".to_owned()]);
    assert_bites(&top_level_complaints(with_extra), &top_level_complaints(names()));
    assert_eq!(top_level_complaints(names().skip(1)).len(), 1);
    let entries = fs::read_dir(root()).unwrap();
    let found = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert_clean(&top_level_complaints(found));
}

#[test]
fn every_source_file_opens_with_what_it_is() {
    assert_bites(
        &without_module_doc(&example("use std::fs;\n")),
        &without_module_doc(&example("//! What this is.\n")),
    );
    assert_clean(&without_module_doc(&files(".rs")));
}

#[test]
fn no_line_is_wider_than_100_columns() {
    assert_bites(&wide_lines(&example(&"é".repeat(101))), &wide_lines(&example(&"é".repeat(100))));
    assert_clean(&wide_lines(&files(".rs")));
}

#[test]
fn no_file_is_longer_than_400_lines() {
    assert_bites(&long_files(&example(&"x\n".repeat(401))), &long_files(&example("x\n")));
    assert_clean(&long_files(&files(".rs")));
}
