//! What filters make of an event, and how it goes on from one to the next.

use crate::guest::{Guest, chain, choosy, escaped, event, host, only_branch, output, spec, words};
use sluicegate_core::event::Event;
use sluicegate_core::letter::Cause;
use sluicegate_core::limits::OUTPUTS_MAX;
use sluicegate_filters::{End, Host, Plugin};

/// A plugin that emits these outputs; `texts` lie at address 1024.
fn emitter(host: &Host, name: &str, texts: &[u8], outputs: &[Vec<u8>]) -> Plugin {
    let count = u32::try_from(outputs.len()).unwrap();
    let mut guest = Guest::says(&words(&[0, 3, 4096, count]), "");
    guest.items = format!(
        "{} (data (i32.const 1024) \"{}\") (data (i32.const 4096) \"{}\")",
        guest.items,
        escaped(texts),
        escaped(&outputs.concat())
    );
    host.load(spec(name, guest.component())).unwrap()
}

#[tokio::test]
async fn an_emitted_event_goes_on_down_the_chain_with_its_origin() {
    let host = host();
    let texts = b"[1][22]";
    let split = [output((0, 0), (1024, 3)), output((0, 0), (1027, 4))];
    let split = emitter(&host, "split", texts, &split);
    let next = host.load(spec("next", Guest::does("(i32.const 128)").component())).unwrap();
    let event = event("push", b"{}");
    let chains = host.decide(event.clone(), vec![chain(&[&split, &next])]).await.unwrap();
    let payloads: Vec<_> = chains[0].iter().map(|branch| &*branch.event.payload).collect();
    assert_eq!(payloads, [&b"[1]"[..], b"[22]"]);
    for (branch, part) in chains[0].iter().zip(1..) {
        assert_eq!((&branch.end, branch.event.id), (&End::Through, event.id.part(part)));
        let attributes = &branch.event.attributes;
        assert_eq!(attributes.first("sgparent"), Some(event.id.to_string().as_str()));
        assert_eq!(attributes.first("sgfilter"), Some("split@abababababab"));
    }
}

#[tokio::test]
async fn emitted_events_have_ids_of_their_own_over_all_chains() {
    let host = host();
    let twice = [output((0, 0), (1024, 1)), output((1028, 1), (1024, 1))];
    let mut texts = b"1    siem".to_vec();
    texts.truncate(4);
    texts.extend(words(&[1036, 4]));
    texts.extend(b"siem");
    let twice = emitter(&host, "twice", &texts, &twice);
    let event = event("push", b"{}");
    let all = chain(&[&twice, &twice]);
    let chains = host.decide(event.clone(), vec![all.clone(), all]).await.unwrap();
    let mut parts: Vec<_> =
        chains.iter().flatten().map(|branch| branch.event.id.part_number()).collect();
    let to = |branch: &&sluicegate_filters::Branch| matches!(branch.end, End::To(_));
    assert_eq!(chains[0].iter().filter(to).count(), 2);
    assert_eq!(parts.len(), 6);
    parts.sort_unstable();
    parts.dedup();
    assert_eq!(parts.len(), 6, "{parts:?}");
}

#[tokio::test]
async fn too_many_outputs_are_a_dead_letter_of_the_input() {
    let host = host();
    let too_many = vec![output((0, 0), (0, 0)); OUTPUTS_MAX + 1];
    let too_many = emitter(&host, "many", b"", &too_many);
    let event = event("push", b"{}");
    let branch = only_branch(&host, &event, &[&too_many]).await;
    let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
    assert_eq!((letter.cause, &branch.event), (Cause::BadDecision, &event));
    // 16 of 16 each are the bound; the chain may not multiply past it.
    let sixteen = emitter(&host, "sixteen", b"", &vec![output((0, 0), (0, 0)); 16]);
    let chains = host.decide(event, vec![chain(&[&sixteen, &sixteen])]).await.unwrap();
    let dead = chains[0].iter().filter(|branch| matches!(branch.end, End::Dead(_))).count();
    assert_eq!((dead, chains[0].len() - dead), (1, 240), "16 and 15 times 16 are 256");
}

#[tokio::test]
async fn a_plugin_is_not_asked_about_types_that_it_did_not_subscribe_to() {
    let host = host();
    let mut choosy = choosy();
    choosy.filter = "(unreachable)".into();
    let choosy = host.load(spec("choosy", choosy.component())).unwrap();
    let branch = only_branch(&host, &event("issues", b"{}"), &[&choosy]).await;
    assert_eq!(branch.end, End::Through);
    assert_eq!(choosy.metrics().calls, 0);
}

#[tokio::test]
async fn a_plugin_sees_only_what_it_subscribed_to() {
    let host = host();
    let mut choosy = choosy();
    let right = "(i32.and (i32.eq (local.get $headers_len) (i32.const 1))
        (i32.and (i32.eqz (local.get $attributes_len)) (i32.eqz (local.get $data_len))))";
    choosy.filter = format!("(if (i32.eqz {right}) (then (unreachable))) (i32.const 128)");
    let choosy = host.load(spec("choosy", choosy.component())).unwrap();
    let mut parts = Event::clone(&event("push", b"secret"));
    parts.parts_mut().headers = [("x-a", "1"), ("x-b", "2")].into_iter().collect();
    parts.parts_mut().attributes = [("env", "prod")].into_iter().collect();
    let branch = only_branch(&host, &parts, &[&choosy]).await;
    assert_eq!(branch.end, End::Through);
    assert_eq!(choosy.metrics().calls, 1);
}

#[tokio::test]
async fn text_is_what_is_utf8_and_all_else_is_bytes() {
    let host = host();
    let kind = |kind: u32| {
        let guest = Guest::does(&format!(
            "(if (i32.ne (local.get $data_kind) (i32.const {kind})) (then (unreachable))) (i32.const 128)"
        ));
        host.load(spec("kind", guest.component())).unwrap()
    };
    let (text, binary) = (kind(0), kind(1));
    let branch = only_branch(&host, &event("push", "é".as_bytes()), &[&text]).await;
    assert_eq!(branch.end, End::Through);
    let branch = only_branch(&host, &event("push", b"\xff"), &[&binary]).await;
    assert_eq!(branch.end, End::Through);
}
