//! What is published stays in step with what it is made from.

use std::fs;
use std::process::Command;

use serde_json::Value;
use sluicegate_tests::fixtures::root;
use sluicegate_tests::gateway;

use crate::tree::{Text, files};
use crate::{assert_bites, assert_clean};

/// Copies of the plugin contract that differ from it.
fn strayed_copies(contract: &str, copies: &[Text]) -> Vec<String> {
    let ours = copies.iter().filter(|copy| copy.content.contains("package sluicegate:plugin@"));
    ours.filter(|copy| copy.content != contract)
        .map(|copy| format!("{} differs from sdk/wit/plugin.wit", copy.path))
        .collect()
}

#[test]
fn every_copy_of_the_plugin_contract_is_the_contract() {
    let copy = |content: &str| vec![Text { path: "x/plugin.wit".into(), content: content.into() }];
    let contract = "package sluicegate:plugin@0.1.0;\nworld x {}\n";
    let strayed = "package sluicegate:plugin@0.1.0;\nworld y {}\n";
    assert_bites(
        &strayed_copies(contract, &copy(strayed)),
        &strayed_copies(contract, &[copy(contract), copy("package other:x;")].concat()),
    );
    let contract = fs::read_to_string(root().join("sdk/wit/plugin.wit")).unwrap();
    assert_clean(&strayed_copies(&contract, &files(".wit")));
}

#[test]
fn every_published_schema_is_what_the_binary_prints() {
    for which in ["config", "plugin", "plugin-cases"] {
        let output = Command::new(gateway::binary()).args(["schema", which]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let file = format!("schemas/{which}.schema.json");
        let published = fs::read_to_string(root().join(&file)).unwrap_or_default();
        assert_eq!(
            printed, published,
            "write it anew: sluicegate schema {which} > schemas/{which}.schema.json"
        );
    }
}

/// The row of a provider in the manual.
fn provider_row(scheme: &Value) -> String {
    let text = |name: &str| scheme[name].as_str().unwrap_or_default();
    let list = |name: &str, quote: &str| {
        let items = scheme[name].as_array().unwrap().iter();
        let items: Vec<_> =
            items.map(|item| format!("{quote}{}{quote}", item.as_str().unwrap())).collect();
        items.join(", ")
    };
    let aliases = list("aliases", "`");
    let aliases = if aliases.is_empty() { aliases } else { format!(" ({aliases})") };
    let ack = scheme["ack_seconds"].as_u64().map_or(String::new(), |ack| format!("{ack} s"));
    format!(
        "| `{}`{aliases} | {} | {} | {} | {} | {} | {} | {ack} |",
        text("name"),
        text("title"),
        text("proof"),
        text("key"),
        list("needs", "`"),
        list("handshakes", ""),
        list("dedupe", "`"),
    )
}

/// Rows that the manual has not, and rows of it that no provider has.
fn strayed_rows(rows: &[String], manual: &str) -> Vec<String> {
    let is_row = |line: &&str| line.starts_with("| `") && line.matches(" |").count() == COLUMNS;
    let written: Vec<&str> = manual.lines().filter(is_row).collect();
    let missing = rows.iter().filter(|row| !written.contains(&row.as_str()));
    let strange = written.iter().filter(|line| !rows.iter().any(|row| row == *line));
    missing
        .map(|row| format!("PROVIDERS.md has not: {row}"))
        .chain(strange.map(|line| format!("no provider has: {line}")))
        .collect()
}

/// Of the table of providers.
const COLUMNS: usize = 8;

#[test]
fn the_table_of_providers_is_what_the_binary_knows() {
    let row = vec!["| `a` | A | b | c | d | e | f | g |".to_owned()];
    assert_bites(&strayed_rows(&row, "# x\n"), &strayed_rows(&row, &format!("# x\n{}\n", row[0])));
    let output = Command::new(gateway::binary()).args(["schemes", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let schemes: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schemes.len() > 60, "the rule has stopped finding providers");
    let rows: Vec<String> = schemes.iter().map(provider_row).collect();
    let manual = fs::read_to_string(root().join("gateway/docs/PROVIDERS.md")).unwrap();
    assert_clean(&strayed_rows(&rows, &manual));
}
