//! What is published stays in step with what it is made from.

use std::fs;
use std::process::Command;

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
