//! What each kind of finding means, and what repair does about it: for people to read.

use super::finding::What;

/// What a kind of finding means.
pub(super) struct Meaning {
    pub(super) means: &'static str,
    pub(super) repair: &'static str,
}

impl What {
    pub(super) fn meaning(self) -> &'static Meaning {
        let found = MEANINGS.iter().find(|(what, _)| *what == self);
        found.map_or(&UNKNOWN, |(_, meaning)| meaning)
    }
}

const UNKNOWN: Meaning = Meaning { means: "", repair: "" };

const MEANINGS: [(What, Meaning); 27] = [
    (
        What::Entry,
        Meaning {
            means: "an entry of the log is not what was written: it is passed over and never \
                 delivered",
            repair: "copies its bytes into quarantine; they stay in the log",
        },
    ),
    (
        What::Padding,
        Meaning {
            means: "bytes between entries, which nobody reads, are not the zeros that were \
                 written: the disk has changed them",
            repair: "nothing",
        },
    ),
    (
        What::Sector,
        Meaning {
            means: "the disk cannot read a part of a segment: what lies there is passed over",
            repair: "nothing: copy the folder to another disk",
        },
    ),
    (
        What::TornTail,
        Meaning {
            means: "the log ends with an entry that was never finished: nobody was told that it is \
                 durable",
            repair: "copies it into quarantine and cuts it off",
        },
    ),
    (
        What::UnusedSegment,
        Meaning {
            means: "a segment was made ahead and holds only zeros: the next start removes it",
            repair: "removes it",
        },
    ),
    (
        What::MissingSegment,
        Meaning {
            means: "a segment is not there, and events that lie in queues came in it",
            repair: "nothing: the queues write these events off when they come up",
        },
    ),
    (
        What::MissingIndex,
        Meaning {
            means: "an index is not there: the next start reads the whole segment instead",
            repair: "makes it again from its segment",
        },
    ),
    (
        What::Index,
        Meaning {
            means: "an index is not what was written: it is made again when it is needed",
            repair: "makes it again from its segment",
        },
    ),
    (
        What::WrongIndex,
        Meaning {
            means: "an index does not list what its segment holds: events may not be handed out",
            repair: "makes it again from its segment",
        },
    ),
    (What::StrayIndex, Meaning { means: "an index has no segment", repair: "removes it" }),
    (
        What::Checkpoint,
        Meaning {
            means: "a checkpoint cannot be read: start-up reads the one before, or the whole log",
            repair: "moves it into quarantine",
        },
    ),
    (
        What::Names,
        Meaning {
            means: "the file with the names of the queues cannot be read: the log has them too",
            repair: "makes it again from the log",
        },
    ),
    (
        What::SettingsCopy,
        Meaning {
            means: "one of two copies of the settings is damaged or missing",
            repair: "makes it again from the other",
        },
    ),
    (
        What::Settings,
        Meaning {
            means: "what operators set while the gateway ran cannot be read: at the next start \
                 every queue is put under a hold, and queues that were made keep their events \
                 only",
            repair: "nothing: the next start sets it aside and holds every queue",
        },
    ),
    (
        What::FormatCopy,
        Meaning {
            means: "one of two copies of the format file is damaged or missing",
            repair: "makes it again from the other",
        },
    ),
    (
        What::Format,
        Meaning {
            means: "no copy of the format file can be read: the folder is refused",
            repair: "makes it again with a new key; events are kept, but repeated deliveries of \
                 events of before are stored again",
        },
    ),
    (
        What::KeyringCopy,
        Meaning {
            means: "one of two copies of the keyring is damaged or missing",
            repair: "makes it again from the other",
        },
    ),
    (
        What::Keyring,
        Meaning {
            means: "no copy of the keyring can be read: what is sealed cannot be opened",
            repair: "nothing: put a copy of the keyring back from a backup",
        },
    ),
    (
        What::Keys,
        Meaning {
            means: "idempotency keys of a deleted segment cannot be read: repeated deliveries of \
                 its events are stored again",
            repair: "moves the file into quarantine",
        },
    ),
    (
        What::Ballast,
        Meaning {
            means: "the reserve for a full disk is not made of zeros",
            repair: "removes it; the next start makes it again",
        },
    ),
    (What::Draft, Meaning { means: "a draft was left by a power cut", repair: "removes it" }),
    (What::Stranger, Meaning { means: "a file is not one of a data folder", repair: "nothing" }),
    (
        What::ShortCopy,
        Meaning {
            means: "a copy in the quarantine is not as long as what it is a copy of",
            repair: "copies again",
        },
    ),
    (
        What::Locked,
        Meaning {
            means: "entries are sealed and no key was given: their frames and checksums were \
                 checked, not what is in them",
            repair: "nothing",
        },
    ),
    (
        What::UnreadableEvents,
        Meaning {
            means: "events lie in a queue whose bytes are damaged or gone: they are written off \
                 when they come up",
            repair: "nothing",
        },
    ),
    (
        What::UnreadableLetters,
        Meaning {
            means: "dead letters have lost why they are dead; the events are readable",
            repair: "nothing",
        },
    ),
    (
        What::MissingEvents,
        Meaning {
            means: "a queue counts events that no index lists: they are written off when they come \
                 up",
            repair: "nothing",
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_meaning_and_a_word_of_its_own() {
        let mut words: Vec<&str> = MEANINGS.iter().map(|(what, _)| what.code()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), MEANINGS.len());
        let last = What::MissingEvents as usize;
        assert_eq!(MEANINGS.len(), last + 1, "a kind without a meaning");
        for (what, meaning) in &MEANINGS {
            assert!(!meaning.means.is_empty() && !meaning.repair.is_empty(), "{}", what.code());
        }
    }
}
