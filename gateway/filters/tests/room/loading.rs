//! What is refused at load, each with its code.

use std::time::Duration;

use crate::guest::{Guest, componentize, embed, event, host, only_branch, spec};
use sluicegate_core::limits::PLUGIN_BYTES_MAX;
use sluicegate_filters::{End, LoadFault, PluginSpec, Terms};

fn refused(spec: PluginSpec) -> LoadFault {
    host().load(spec).expect_err("it was loaded")
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn a_core_module_with_its_component_type_is_made_a_component() {
    let host = host();
    let plugin = host.load(spec("module", Guest::does("(i32.const 128)").module())).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&plugin]).await;
    assert_eq!(branch.end, End::Through);
}

#[test]
fn what_is_not_a_plugin_is_refused_with_a_code() {
    let component = Guest::does("(i32.const 128)").component();
    let cut = component[..component.len() / 2].to_vec();
    let mut damaged = component.clone();
    damaged[component.len() / 2..].fill(0xff);
    let mut lacking = wat("(module (memory (export \"memory\") 1))");
    embed(&mut lacking, "filter-plugin");
    for (bytes, code) in [
        (Vec::new(), "plugin_not_wasm"),
        (b"\0asm".to_vec(), "plugin_not_wasm"),
        (b"#!/bin/sh\nexit 0\n".to_vec(), "plugin_not_wasm"),
        (vec![0; PLUGIN_BYTES_MAX + 1], "plugin_too_large"),
        (cut, "plugin_malformed"),
        (damaged, "plugin_malformed"),
        (wat("(module)"), "plugin_wrong_world"),
        (lacking, "plugin_not_component"),
        (wat("(component)"), "plugin_wrong_world"),
        (wat("(component (type (func async)))"), "plugin_async"),
        (exporting("sluicegate:plugin/filter@0.2.0"), "plugin_wrong_world"),
        (exporting("sluicegate:plugin/filter@0.1.0"), "plugin_wrong_world"),
        (exporting("sluicegate:plugin/batch-filter@0.1.0"), "plugin_wrong_world"),
    ] {
        let fault = refused(spec("bad", bytes));
        assert_eq!(fault.code(), code, "{fault}");
    }
}

fn exporting(name: &str) -> Vec<u8> {
    wat(&format!("(component (instance $i) (export \"{name}\" (instance $i)))"))
}

#[test]
fn features_that_are_switched_off_are_refused() {
    for module in ["(module (memory i64 1))", "(module (memory 1 1 shared))"] {
        let mut module = wat(module);
        embed(&mut module, "imports");
        let component = componentize(&module);
        assert_eq!(refused(spec("odd", component)).code(), "plugin_malformed");
    }
}

#[test]
fn imports_that_are_not_granted_are_all_named() {
    let component = wat("(component
            (import \"wasi:cli/environment@0.2.0\" (instance))
            (import \"sluicegate:plugin/state@0.1.0\" (instance))
            (import \"sluicegate:plugin/clock@0.1.0\" (instance))
            (instance $i) (export \"sluicegate:plugin/filter@0.1.0\" (instance $i)))");
    let fault = refused(spec("nosy", component));
    assert_eq!(fault.code(), "plugin_imports_refused");
    let LoadFault::Imports { names } = fault else { panic!("{fault}") };
    assert_eq!(names, ["wasi:cli/environment@0.2.0", "sluicegate:plugin/state@0.1.0"]);
}

#[test]
fn a_guest_that_uses_state_is_refused_by_name() {
    let guest = Guest {
        imports: "(import \"sluicegate:plugin/state@0.1.0\" \"get\" (func (param i32 i32 i32)))",
        ..Guest::default()
    };
    let fault = refused(spec("keeper", guest.component()));
    assert!(fault.to_string().contains("sluicegate:plugin/state@0.1.0"), "{fault}");
}

#[test]
fn a_configure_that_says_no_traps_or_loops_is_refused() {
    let no = Guest {
        items: "(data (i32.const 1024) \"threshold is missing\")".into(),
        configure: "(i32.store8 (i32.const 32) (i32.const 1))
            (i32.store (i32.const 36) (i32.const 1024)) (i32.store (i32.const 40) (i32.const 20))
            (i32.const 32)"
            .into(),
        ..Guest::default()
    };
    let fault = refused(spec("no", no.component()));
    assert_eq!(fault.code(), "plugin_config_refused");
    assert!(fault.to_string().contains("threshold is missing"), "{fault}");
    for (configure, word) in [
        ("(unreachable)", "filter_trap"),
        ("(loop (br 0)) (unreachable)", "filter_deadline"),
        ("(drop (memory.grow (i32.const 60000))) (unreachable)", "filter_memory"),
    ] {
        let guest = Guest { configure: configure.into(), ..Guest::default() };
        let fault = refused(spec("bad", guest.component()));
        assert_eq!(fault.code(), "plugin_start_failed");
        assert!(fault.to_string().contains(word), "{fault}");
    }
}

#[test]
fn a_configure_whose_answer_cannot_be_used_is_refused() {
    // A subscription to these many types, listed at this address.
    let types = |at: u32, count: u32| {
        format!(
            "(i32.store8 (i32.const 32) (i32.const 0)) (i32.store (i32.const 36) (i32.const {at}))
            (i32.store (i32.const 40) (i32.const {count}))
            (i32.store8 (i32.const 60) (i32.const 1)) (i32.const 32)"
        )
    };
    // At 1024 a text of one byte that is not UTF-8; else zeros are empty texts.
    let items = "(data (i32.const 1016) \"\\00\\04\\00\\00\\01\\00\\00\\00\\ff\")";
    for (configure, code, word) in [
        (types(1016, 1), "plugin_start_failed", "utf-8"),
        (types(131_000, 100), "plugin_start_failed", "out of bounds"),
        (types(2048, 1_000), "plugin_subscription_invalid", "types"),
        (types(1, 1), "plugin_start_failed", "aligned"),
    ] {
        let guest = Guest { items: items.into(), configure, ..Guest::default() };
        let fault = refused(spec("bad", guest.component()));
        assert_eq!(fault.code(), code, "{fault}");
        assert!(fault.to_string().contains(word), "{word}: {fault}");
    }
}

#[test]
fn a_memory_that_starts_over_the_cap_is_refused() {
    let mut small = spec("small", Guest::default().component());
    small.terms.memory_bytes_max = 64 * 1024;
    let fault = refused(small);
    assert_eq!(fault.code(), "plugin_start_failed");
    assert!(fault.to_string().contains("filter_memory"), "{fault}");
}

#[test]
fn limits_out_of_range_and_a_full_room_are_refused() {
    let good = || spec("good", Guest::default().component());
    let with = |change: fn(&mut Terms)| {
        let mut spec = good();
        change(&mut spec.terms);
        spec
    };
    for spec in [
        with(|terms| terms.deadline = Duration::ZERO),
        with(|terms| terms.deadline = Duration::from_secs(11)),
        with(|terms| terms.memory_bytes_max = 1024),
        with(|terms| terms.memory_bytes_max = usize::MAX),
    ] {
        assert_eq!(refused(spec).code(), "plugin_limits_out_of_range");
    }
    let host = host();
    let loaded: Vec<_> = (0..64).map(|_| host.load(good()).unwrap()).collect();
    assert_eq!(host.load(good()).unwrap_err().code(), "plugins_too_many");
    drop(loaded);
    assert!(host.load(good()).is_ok());
}
