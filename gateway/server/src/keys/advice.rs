//! What an operator should do about the keys of a source, in words. Pure.

use std::time::Duration;

use sluicegate_admission::KeyState;
use sluicegate_core::time::Timestamp;

/// What to do about a key; `all` are the keys of its source, in the order of the configuration.
/// `None`: nothing.
#[must_use]
pub fn advice(key: &KeyState, all: &[KeyState], now: Timestamp) -> Option<String> {
    let id = &key.used.key;
    if key.not_after.is_some_and(|end| end <= now) {
        return Some("its time is over: it can be removed".to_owned());
    }
    if key.not_before.is_some_and(|begin| begin > now) {
        return None;
    }
    let newer: Vec<&KeyState> = all.iter().filter(|other| is_newer(other, key, all)).collect();
    let used_since = |since: Timestamp| {
        newer.iter().any(|other| other.used.last_used.is_some_and(|last| last > since))
    };
    let quiet_since = key.used.last_used.unwrap_or(key.used.known_since);
    let days = now.since(quiet_since).as_secs() / DAY.as_secs();
    if !newer.is_empty() && days >= 1 && used_since(quiet_since) {
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        return Some(format!("unused for {days}, and a newer key is used: safe to remove"));
    }
    let older_used = all.iter().filter(|other| is_newer(key, other, all));
    let older_used = older_used.filter_map(|other| other.used.last_used).max();
    if key.used.last_used.is_none()
        && let Some(last) = older_used
        && last >= key.used.known_since
    {
        return Some(format!("only the old key is used: the sender does not sign with {id} yet"));
    }
    None
}

/// Whether one key came after another: it begins later, or was met later, or stands further down.
fn is_newer(one: &KeyState, other: &KeyState, all: &[KeyState]) -> bool {
    if one.used.key == other.used.key {
        return false;
    }
    let at = |key: &KeyState| all.iter().position(|any| any.used.key == key.used.key);
    let age = |key: &KeyState| (key.not_before, key.used.known_since, at(key));
    match (one.not_before, other.not_before) {
        // One without a beginning was there from the beginning.
        (None, None) => (age(one).1, age(one).2) > (age(other).1, age(other).2),
        _ => age(one) > age(other),
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_admission::KeyUse;

    fn at(days: u64) -> Timestamp {
        Timestamp::from_unix_ms((20_000 + days) * 86_400_000)
    }

    fn key(id: &str, known: u64, last: Option<u64>) -> KeyState {
        let used = KeyUse {
            source: "github".parse().unwrap(),
            key: id.parse().unwrap(),
            known_since: at(known),
            matched: u64::from(last.is_some()),
            last_used: last.map(at),
        };
        KeyState { used, not_before: None, not_after: None }
    }

    fn told(keys: &[KeyState], now: u64) -> Vec<Option<String>> {
        keys.iter().map(|key| advice(key, keys, at(now))).collect()
    }

    #[test]
    fn an_old_key_that_nobody_uses_any_more_is_safe_to_remove() {
        let told = told(&[key("old", 0, Some(10)), key("new", 9, Some(20))], 20);
        let says = "unused for 10 days, and a newer key is used: safe to remove";
        assert_eq!(told, [Some(says.to_owned()), None]);
    }

    #[test]
    fn a_new_key_that_nobody_uses_yet_is_told_of() {
        let told = told(&[key("old", 0, Some(20)), key("new", 15, None)], 20);
        let says = "only the old key is used: the sender does not sign with new yet";
        assert_eq!(told, [None, Some(says.to_owned())]);
    }

    #[test]
    fn nothing_is_said_while_nothing_is_known() {
        assert_eq!(told(&[key("only", 0, Some(1))], 400), [None]);
        assert_eq!(told(&[key("old", 0, None), key("new", 0, None)], 30), [None, None]);
        assert_eq!(told(&[key("old", 0, Some(10)), key("new", 9, Some(10))], 10), [None, None]);
        // Nobody has sent anything since: that the old one is unused says nothing.
        assert_eq!(told(&[key("old", 0, Some(10)), key("new", 9, Some(9))], 30), [None, None]);
    }

    #[test]
    fn a_key_whose_time_is_over_can_go() {
        let mut old = key("old", 0, Some(19));
        old.not_after = Some(at(20));
        assert_eq!(told(&[old], 20), [Some("its time is over: it can be removed".to_owned())]);
    }
}
