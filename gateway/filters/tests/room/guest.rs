//! Micro-guests: WAT with the flat signatures of the contract, made into components in the test.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{Digest, EventId, QueueName};
use sluicegate_core::time::Timestamp;
use sluicegate_filters::{
    Branch, Chain, Compiler, Host, HostConfig, OnFailure, Plugin, PluginSpec, Slot, Terms,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A guest in parts: what it imports, holds, says in `configure`, and does in `filter`.
pub(crate) struct Guest {
    pub(crate) world: &'static str,
    pub(crate) interface: &'static str,
    pub(crate) imports: &'static str,
    /// Pages of its memory when an instance begins: what it is asked about must fit.
    pub(crate) pages: usize,
    /// Data segments and functions.
    pub(crate) items: String,
    /// Leaves the address of a `result<subscription, string>`.
    pub(crate) configure: String,
    /// Leaves the address of a `result<decision, failure>`.
    pub(crate) filter: String,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            world: "filter-plugin",
            interface: "sluicegate:plugin/filter@0.1.0",
            imports: "",
            pages: 2,
            items: String::new(),
            // All types, no attributes, no headers, data as it is: all zero but the data mode.
            configure: "(i32.store8 (i32.const 32) (i32.const 0))
                (i32.store8 (i32.const 60) (i32.const 1)) (i32.const 32)"
                .into(),
            filter: "(i32.const 128)".into(),
        }
    }
}

impl Guest {
    /// A guest whose `filter` is this code.
    pub(crate) fn does(filter: &str) -> Self {
        Self { filter: filter.into(), ..Self::default() }
    }

    /// A guest that answers with these bytes (a `result<decision, failure>`), which may point to
    /// `text` at address 1024.
    pub(crate) fn says(answer: &[u8], text: &str) -> Self {
        let items = format!(
            "(data (i32.const 128) \"{}\") (data (i32.const 1024) \"{}\")",
            escaped(answer),
            escaped(text.as_bytes())
        );
        Self { items, ..Self::default() }
    }

    /// The core module, with its component type in a custom section.
    pub(crate) fn module(&self) -> Vec<u8> {
        let text = format!(
            r#"(module {imports}
                (memory (export "memory") {pages})
                (global $heap (mut i32) (i32.const 65536))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                {items}
                (func (export "{interface}#configure") (param i32 i32) (result i32) {configure})
                (func (export "{interface}#filter")
                    (param $id i32) (param $id_len i32) (param $source i32) (param $source_len i32)
                    (param $type i32) (param $type_len i32) (param $time i64)
                    (param $content_type i32) (param $content_type_len i32)
                    (param $attributes i32) (param $attributes_len i32)
                    (param $headers i32) (param $headers_len i32)
                    (param $data_kind i32) (param $data i32) (param $data_len i32) (result i32)
                    (global.set $heap (i32.const 65536))
                    {filter}))"#,
            imports = self.imports,
            pages = self.pages,
            items = self.items,
            interface = self.interface,
            configure = self.configure,
            filter = self.filter,
        );
        let mut module = wat::parse_str(&text).expect("the micro-guest is valid WAT");
        embed(&mut module, self.world);
        module
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        componentize(&self.module())
    }
}

/// Writes the component type of a world of the contract into a module.
pub(crate) fn embed(module: &mut Vec<u8>, world: &str) {
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/wit");
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8).unwrap();
}

/// Makes a component of a module that carries its type.
pub(crate) fn componentize(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default().validate(true).module(module).unwrap().encode().unwrap()
}

/// Bytes as they are written in a WAT string.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// Words as a guest has them in memory.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A room with two workers, the queues `siem` and `archive`, and room for 64 jobs.
pub(crate) fn host() -> Host {
    let queues: BTreeSet<QueueName> =
        ["siem", "archive"].iter().map(|name| name.parse().unwrap()).collect();
    Host::start(HostConfig {
        threads: 2,
        jobs_max: 64,
        plugins_max: 8,
        queues: Arc::new(queues),
        compiler: Compiler::Here,
    })
    .unwrap()
}

/// A specification with a deadline that no call meets, however busy the machine is.
pub(crate) fn spec(name: &str, bytes: Vec<u8>) -> PluginSpec {
    PluginSpec {
        name: name.parse().unwrap(),
        bytes,
        digest: Digest([0xab; 32]),
        terms: Terms {
            config: "{}".into(),
            deadline: Duration::from_millis(500),
            memory_bytes_max: 64 * 1024 * 1024,
            on_failure: OnFailure::DeadLetter,
            recycle_calls: 0,
            state: None,
        },
    }
}

/// A chain of plugins on the route `main`.
pub(crate) fn chain(plugins: &[&Plugin]) -> Arc<Chain> {
    let plugins = plugins.iter().map(|plugin| Slot::new((*plugin).clone(), None)).collect();
    Arc::new(Chain { route: "main".parse().unwrap(), plugins })
}

/// An event of this type and payload.
pub(crate) fn event(kind: &str, payload: &'static [u8]) -> Event {
    Event::new(Parts {
        id: EventId::new(Timestamp::from_unix_ms(1_700_000_000_000), 7),
        source: "github".parse().unwrap(),
        kind: kind.into(),
        subject: None,
        time: None,
        received_at: Timestamp::from_unix_ms(1_700_000_000_000),
        content_type: "application/json".into(),
        attributes: Fields::new(),
        headers: Fields::new(),
        payload: Bytes::from_static(payload),
    })
}

/// The only branch of an event that goes through one chain.
pub(crate) async fn only_branch(host: &Host, event: &Event, plugins: &[&Plugin]) -> Branch {
    let mut chains = host.decide(event.clone(), vec![chain(plugins)]).await.unwrap();
    let mut branches = chains.pop().expect("one chain was asked");
    assert_eq!(branches.len(), 1, "{branches:?}");
    branches.pop().expect("it has one branch")
}

/// A guest whose configuration asks for one header, `x-a`, and events of the type `pu*`.
pub(crate) fn choosy() -> Guest {
    Guest {
        items: format!(
            "(data (i32.const 1024) \"x-apu*\") (data (i32.const 1040) \"{}\")",
            escaped(&words(&[1024, 3, 1027, 3]))
        ),
        configure:
            "(i32.store (i32.const 36) (i32.const 1048)) (i32.store (i32.const 40) (i32.const 1))
            (i32.store (i32.const 52) (i32.const 1040)) (i32.store (i32.const 56) (i32.const 1))
            (i32.store8 (i32.const 60) (i32.const 0)) (i32.const 32)"
                .into(),
        ..Guest::default()
    }
}

/// A guest that does something bad if the payload starts with `x`, and else says `next`.
pub(crate) fn moody(bad: &str) -> Guest {
    Guest::does(&format!(
        "(if (i32.eq (i32.load8_u (local.get $data)) (i32.const 120)) (then {bad})) (i32.const 128)"
    ))
}

/// One `output` of the contract as a guest has it in memory: nothing set but the payload, if the
/// text (address, length) is not empty, and the queues (address, count).
pub(crate) fn output(queues: (u32, u32), text: (u32, u32)) -> Vec<u8> {
    let data = [u32::from(text.1 > 0), 0, text.0, text.1];
    let mut all = vec![queues.0, queues.1];
    all.extend([0; 12]);
    all.extend(data);
    words(&all)
}
