//! Topics: what is a name, what is a filter, which filter takes which name, and which of two
//! filters says more (MQTT 5 section 4.7).

use std::cmp::Ordering;
use std::sync::Arc;

use sluicegate_core::limits::STATE_KEY_BYTES_MAX;

/// Bytes of a topic: far under the 65,535 of the protocol, so that a tree of them stays small, and
/// that of a retained message is a key of the engine's state.
pub(crate) const TOPIC_BYTES_MAX: usize = 500;

const _: () = assert!(TOPIC_BYTES_MAX + 2 <= STATE_KEY_BYTES_MAX);

/// Levels of a topic: a tree of them is walked by recursion.
pub(crate) const TOPIC_LEVELS_MAX: usize = 64;

/// How a subscription that is shared with others begins.
pub(crate) const SHARE: &str = "$share/";

/// How a subscription to a queue of the gateway begins.
pub(crate) const QUEUE: &str = "$queue/";

/// Whether a text names a topic.
pub(crate) fn is_name(text: &str) -> bool {
    is_topic(text) && !text.contains(['+', '#'])
}

/// Whether a text is longer, or has more levels, than a topic here.
pub(crate) fn is_too_long(text: &str) -> bool {
    text.len() > TOPIC_BYTES_MAX || text.split('/').count() > TOPIC_LEVELS_MAX
}

fn is_topic(text: &str) -> bool {
    // U+FFFE and U+FFFF of every plane, and U+FDD0 to U+FDEF, are no characters.
    let odd = |c: char| {
        c.is_control() || u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c)
    };
    !text.is_empty() && !is_too_long(text) && !text.chars().any(odd)
}

/// Why a text is not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// It is empty, too long, too deep, or has control characters in it.
    #[error("a filter has 1 to 500 bytes, at most 64 levels, and no control characters")]
    Text,
    /// A wildcard does not stand alone in its level, or `#` not at the end.
    #[error("+ stands alone in its level, and # alone in the last")]
    Wildcard,
    /// The group of a `$share` subscription is empty or has a wildcard in it.
    #[error("a shared subscription is $share/GROUP/FILTER")]
    Share,
}

/// A filter of topics.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Filter(Arc<str>);

impl Filter {
    /// Reads a filter, without `$share`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        if !is_topic(text) {
            return Err(FilterFault::Text);
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let wild = level.contains(['+', '#']);
            if wild && (level.len() > 1 || (level == "#" && levels.peek().is_some())) {
                return Err(FilterFault::Wildcard);
            }
        }
        Ok(Self(text.into()))
    }

    /// The filter as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its levels.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether it takes this topic. A wildcard in the first level takes no topic that begins with
    /// `$`.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        if name.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let (mut filter, mut name) = (self.levels(), name.split('/'));
        loop {
            match (filter.next(), name.next()) {
                (Some("#"), _) | (None, None) => return true,
                (Some("+"), Some(_)) => {}
                (Some(level), Some(is)) if level == is => {}
                _ => return false,
            }
        }
    }

    /// Whether it takes everything that the other takes.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if other.0.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let (mut mine, mut theirs) = (self.levels(), other.levels());
        loop {
            match (mine.next(), theirs.next()) {
                (Some("#"), _) | (None, None) => return true,
                (_, Some("#")) => return false,
                (Some("+"), Some(_)) => {}
                (Some(level), Some(is)) if level == is => {}
                _ => return false,
            }
        }
    }

    /// Orders filters so that of two that take one topic the one that says more comes first: a
    /// word before `+`, `+` before `#`, level by level.
    #[must_use]
    pub fn by_precision(&self, other: &Self) -> Ordering {
        let rank = |level: &str| match level {
            "#" => 2,
            "+" => 1,
            _ => 0,
        };
        self.levels().map(rank).cmp(other.levels().map(rank)).then_with(|| self.cmp(other))
    }
}

/// What a subscription asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// What is published to topics.
    Topics(Filter),
    /// One in a group of sessions has each message.
    Shared { group: Arc<str>, filter: Filter },
    /// The events of a queue of the gateway.
    Queue(Arc<str>),
}

impl Wanted {
    /// Reads the filter of a SUBSCRIBE or UNSUBSCRIBE.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterFault> {
        if let Some(rest) = text.strip_prefix(SHARE) {
            let (group, filter) = rest.split_once('/').ok_or(FilterFault::Share)?;
            if group.is_empty() || group.contains(['+', '#']) {
                return Err(FilterFault::Share);
            }
            // Who takes from a queue shares it anyway.
            if let Some(queue) = filter.strip_prefix(QUEUE) {
                return Ok(Self::Queue(queue.into()));
            }
            return Ok(Self::Shared { group: group.into(), filter: Filter::parse(filter)? });
        }
        match text.strip_prefix(QUEUE) {
            Some(queue) => Ok(Self::Queue(queue.into())),
            None => Filter::parse(text).map(Self::Topics),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_filters_are_told_from_what_is_neither() {
        for name in ["a", "/", "a//b", "é/x", "$SYS/a", "a b"] {
            assert!(is_name(name) && Filter::parse(name).is_ok(), "{name:?}");
        }
        for bad in ["", "a\0", "a\n", "a\u{ffff}", &"a".repeat(501), &"/".repeat(64)] {
            assert!(!is_name(bad) && Filter::parse(bad).is_err(), "{bad:?}");
        }
        for filter in ["#", "+", "a/#", "+/+", "/+", "a/+/c/#"] {
            assert!(!is_name(filter) && Filter::parse(filter).is_ok(), "{filter:?}");
        }
        for bad in ["a#/b", "a/#/b", "a+", "#/a", "a/b#", "+a/b"] {
            assert!(Filter::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["$share/", "$share/g", "$share//a", "$share/+/a", "$share/g/"] {
            assert!(Wanted::parse(bad).is_err(), "{bad:?}");
        }
        let queue = Ok(Wanted::Queue("alarms".into()));
        assert_eq!(Wanted::parse("$queue/alarms"), queue);
        assert_eq!(Wanted::parse("$share/g/$queue/alarms"), queue);
    }

    #[test]
    fn filters_take_what_section_4_7_says() {
        for (filter, name, takes) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/x", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/x", true),
            ("é/+", "é/x", true),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().takes(name), takes, "{filter} {name}");
        }
    }

    #[test]
    fn the_more_precise_filter_comes_first() {
        let filter = |text: &str| Filter::parse(text).unwrap();
        let mut all: Vec<_> = ["#", "a/#", "+/b", "a/+", "a/b", "a/b/#", "+/#"].map(filter).into();
        all.sort_by(Filter::by_precision);
        let texts: Vec<_> = all.iter().map(Filter::as_str).collect();
        assert_eq!(texts, ["a/b", "a/b/#", "a/+", "a/#", "+/b", "+/#", "#"]);
    }

    #[test]
    fn a_filter_covers_another_only_if_it_takes_all_of_it() {
        for (wide, narrow, covers) in [
            ("a/#", "a/+/c", true),
            ("a/+", "a/b", true),
            ("a/+", "a/#", false),
            ("a/b", "a/+", false),
            ("#", "$SYS/x", false),
            ("a/#", "a", true),
            ("+/b", "a/b", true),
        ] {
            let [wide, narrow] = [wide, narrow].map(|text| Filter::parse(text).unwrap());
            assert_eq!(wide.covers(&narrow), covers, "{wide:?} {narrow:?}");
        }
    }
}
