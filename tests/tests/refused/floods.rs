//! What strangers send in numbers takes no place of what may be the provider's.

use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::fixtures::{self, Delivery};
use sluicegate_tests::http;
use sluicegate_tests::metrics::value;
use sluicegate_tests::signing;

use super::{id, kept, post, push, refuse, world_with};

#[test]
fn a_flood_of_strangers_stays_within_its_bounds_and_displaces_no_other_source() {
    let world = world_with("");
    let gateway = world.start();
    refuse(&gateway, "/hooks/github", &push("precious"), 401);
    let precious = kept(&gateway, "source=github", 1).remove(0);
    let body = vec![b'x'; 4096];
    for number in 0..300 {
        let forged = format!("t={},v1={}", signing::unix_s_now(), "0".repeat(64));
        let headers =
            http::headers(&[("Stripe-Signature", &forged), ("X-Number", &number.to_string())]);
        refuse(&gateway, "/hooks/stripe", &Delivery { headers, body: body.clone() }, 401);
    }
    let all = kept(&gateway, "source=stripe&limit=100", 10);
    assert_eq!(kept(&gateway, "source=github", 1), [precious]);
    assert!(value(&gateway, "sluicegate_refused_bytes{source=\"stripe\"}") <= 70_000.0);
    wait_for("the flood to be written", || {
        let kept = value(&gateway, "sluicegate_refused_kept_total{source=\"stripe\"}");
        (kept >= 300.0).then_some(())
    });
    let evicted =
        value(&gateway, "sluicegate_refused_evicted_total{source=\"stripe\",class=\"likely\"}");
    assert!(evicted >= 290.0, "{evicted}, {}", all.len());
}

#[test]
fn a_flood_without_signatures_displaces_nothing_that_a_wrong_secret_refused() {
    let world = world_with("");
    let gateway = world.start();
    refuse(&gateway, "/hooks/github", &push("precious"), 401);
    let precious = kept(&gateway, "source=github", 1).remove(0);
    let forged = [
        push("flood").without("X-Hub-Signature-256"),
        push("flood").without("X-Hub-Signature-256").with("X-Hub-Signature-256", "sha256=00"),
    ];
    // More than the source keeps.
    for number in 0..1200 {
        refuse(&gateway, "/hooks/github", &forged[number % 2], 401);
    }
    let series = |name: &str, labels: &str| {
        value(&gateway, &format!("sluicegate_refused_{name}_total{{source=\"github\"{labels}}}"))
    };
    wait_for("the flood to be dealt with", || {
        let flooded = series("dropped", ",why=\"flooded_unsigned\"");
        (series("kept", "") + flooded >= 1201.0).then_some(())
    });
    assert_eq!(series("evicted", ",class=\"likely\""), 0.0);
    let all = kept(&gateway, "source=github&limit=1000", 101);
    assert!(all.contains(&precious));
    // It is still one that is released, and so is what follows the flood.
    refuse(&gateway, "/hooks/github", &push("after"), 401);
    world.write("secret.txt", fixtures::GITHUB_SECRET);
    gateway.wait_for_log("keys were replaced");
    let place = format!("/v1/refused/{}/release", id(&precious));
    assert_eq!(post(&gateway, &place).json()["event"], precious["id"]);
    assert_eq!(kept(&gateway, "source=github&limit=1000", 102).len(), 102);
}
