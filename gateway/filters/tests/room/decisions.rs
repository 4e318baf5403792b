//! Every decision of the contract, by guests that say it.

use std::time::Duration;

use crate::guest::{Guest, chain, event, host, only_branch, spec, words};
use sluicegate_core::decision::RejectCode;
use sluicegate_core::letter::Cause;
use sluicegate_core::refusal::Refusal;
use sluicegate_filters::End;

const OK: u32 = 0;
const ERR: u32 = 1;

#[tokio::test]
async fn next_goes_on_and_drop_ends_with_its_reason() {
    let host = host();
    let next = host.load(spec("next", Guest::says(&words(&[OK, 0]), "").component())).unwrap();
    let drop = Guest::says(&words(&[OK, 1, 1024, 5]), "spam!");
    let drop = host.load(spec("drop", drop.component())).unwrap();
    let event = event("push", b"{}");
    let branch = only_branch(&host, &event, &[&next]).await;
    assert_eq!((branch.end, &branch.event), (End::Through, &event));
    let branch = only_branch(&host, &event, &[&next, &drop]).await;
    assert_eq!(branch.end, End::Dropped("spam!".into()));
}

#[tokio::test]
async fn route_names_the_queues_and_ends_the_chain() {
    let host = host();
    // A list of one string: (address, length) at 1028, the text at 1024.
    let mut text = "siem".to_owned().into_bytes();
    text.extend(words(&[1024, 4]));
    let answer = words(&[OK, 2, 1028, 1]);
    let text = String::from_utf8(text).unwrap();
    let route = host.load(spec("route", Guest::says(&answer, &text).component())).unwrap();
    let after = host.load(spec("trap", Guest::does("(unreachable)").component())).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&route, &after]).await;
    assert_eq!(branch.end, End::To(vec!["siem".parse().unwrap()]));
}

#[tokio::test]
async fn reject_and_retry_after_refuse_the_whole_event() {
    let host = host();
    let next = host.load(spec("next", Guest::says(&words(&[OK, 0]), "").component())).unwrap();
    let reject = Guest::says(&words(&[OK, 4, 2, 1024, 2]), "no");
    let reject = host.load(spec("reject", reject.component())).unwrap();
    let later = Guest::says(&words(&[ERR, 0, 1500]), "");
    let later = host.load(spec("later", later.component())).unwrap();
    let event = event("push", b"{}");
    let chains = vec![chain(&[&next]), chain(&[&reject])];
    let Err(Refusal::Rejected(rejection)) = host.decide(event.clone(), chains).await else {
        panic!("the event was taken");
    };
    assert_eq!((rejection.code, rejection.reason.as_str()), (RejectCode::Forbidden, "no"));
    let chains = vec![chain(&[&next]), chain(&[&later])];
    let refusal = host.decide(event, chains).await.unwrap_err();
    assert_eq!(refusal, Refusal::Deferred { retry_after: Duration::from_millis(1500) });
}

#[tokio::test]
async fn dead_letter_carries_reason_plugin_digest_and_route() {
    let host = host();
    let dead = Guest::says(&words(&[OK, 5, 1024, 3]), "odd");
    let dead = host.load(spec("dead", dead.component())).unwrap();
    let branch = only_branch(&host, &event("push", b"{}"), &[&dead]).await;
    let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
    assert_eq!((letter.cause, letter.reason.as_str()), (Cause::Decided, "odd"));
    assert_eq!(letter.plugin, Some((dead.name().clone(), dead.digest())));
    assert_eq!(letter.route, Some("main".parse().unwrap()));
}
