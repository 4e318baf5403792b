//! `kill -9` under load: what was acknowledged survives. The bench does 200 rounds of the same.

use sluicegate_tests::kills;

const ROUNDS: usize = 20;

#[test]
fn twenty_kills_under_load_lose_and_double_no_acknowledged_event() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let survived = kills::run(ROUNDS, seed);
    assert_eq!(survived.kills, ROUNDS);
    assert!(survived.acked >= ROUNDS * 20, "{survived:?}");
}
