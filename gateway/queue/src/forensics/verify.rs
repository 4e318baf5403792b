//! Verifying a folder: every byte of it is read, and nothing is changed.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use sluicegate_core::queue::{Item, QueueNumber};

use super::checkpoints::{self, Gone, Newest};
use super::finding::{Finding, Severity, What};
use super::report::{Progress, Report};
use super::segment::{self, Content, Extent, guess};
use super::stopped::{Options, Stopped};
use super::{files, indexes, lost};
use crate::disk::DiskFile;
use crate::fault::OpenFault;
use crate::format::entry::{Kind, Position};
use crate::format::{catalogue, changes};
use crate::index::{Draft, Whole, read_whole};
use crate::listing;
use crate::log::{Holed, segment_name, segment_number};
use crate::quarantine;
use crate::recovery::numbered;

/// Reads every byte of a folder that no gateway has open, and says what is not as it should be.
/// Nothing is changed. Memory goes with the largest segment, not with the folder.
///
/// # Errors
/// When there is no folder, it is in use, of another version, its keys are not the ones that were
/// given, or the disk fails. Damage is no error: it is what the report says.
pub fn verify(
    folder: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, OpenFault> {
    let stopped = Stopped::look(folder, options)?;
    verify_stopped(&stopped, progress)
}

pub(crate) fn verify_stopped(
    stopped: &Stopped,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, OpenFault> {
    Ok(examine(stopped, progress)?.report)
}

/// What a folder is, and where its segments are damaged.
pub(super) struct Examined {
    pub(super) report: Report,
    pub(super) extents: BTreeMap<u32, Extent>,
    /// Segments whose index is not as it should be.
    pub(super) indexes: Vec<u32>,
}

pub(super) fn examine(
    stopped: &Stopped,
    progress: &mut dyn FnMut(Progress),
) -> Result<Examined, OpenFault> {
    Verification::run(stopped, progress).map_err(OpenFault::disk("read the data folder"))
}

struct Verification<'s> {
    stopped: &'s Stopped,
    out: Examined,
    newest: Newest,
    gone: Gone,
    names: Vec<String>,
    /// The number of the newest segment that is not all zeros.
    last: Option<u32>,
}

impl<'s> Verification<'s> {
    fn run(stopped: &'s Stopped, progress: &mut dyn FnMut(Progress)) -> io::Result<Examined> {
        let mut report = Report::default();
        files::check(stopped, &mut report)?;
        let newest = checkpoints::check(stopped, &mut report)?;
        let numbers = numbered(&*stopped.disk, "log", ".log")?;
        let gone = Gone::new(&newest, |segment| numbers.binary_search(&segment).is_ok());
        let out = Examined { report, extents: BTreeMap::new(), indexes: Vec::new() };
        let names = stopped.disk.read(catalogue::FILE)?.unwrap_or_default();
        let names = catalogue::decode_file(&names).unwrap_or_default();
        let names = names.iter().map(ToString::to_string).collect();
        let mut all = Self { stopped, out, newest, gone, names, last: None };
        all.segments(&numbers, progress)?;
        all.stray_indexes(&numbers)?;
        all.missing_segments()?;
        lost::count(stopped, &mut all.out)?;
        Ok(all.out)
    }

    fn segments(&mut self, numbers: &[u32], progress: &mut dyn FnMut(Progress)) -> io::Result<()> {
        let mut files = Vec::with_capacity(numbers.len());
        for number in numbers {
            let bytes = self.stopped.disk.open(&segment_name(*number))?.len()?;
            files.push((*number, bytes));
        }
        let bytes_total = files.iter().map(|(_, bytes)| bytes).sum();
        self.last = self.last_used(numbers)?;
        let mut bytes_done = 0;
        for (number, bytes) in files {
            progress(Progress { bytes_done, bytes_total });
            if self.last.is_none_or(|last| number > last) {
                let finding =
                    Finding::new(What::UnusedSegment, Severity::Note, segment_name(number));
                self.out.report.add(finding);
            } else {
                self.segment(number)?;
            }
            bytes_done += bytes;
        }
        self.out.report.bytes = bytes_total;
        progress(Progress { bytes_done, bytes_total });
        Ok(())
    }

    /// The newest segment that holds anything but zeros.
    fn last_used(&self, numbers: &[u32]) -> io::Result<Option<u32>> {
        for number in numbers.iter().rev() {
            let file = self.stopped.disk.open(&segment_name(*number))?;
            if !crate::log::holds_only_zeros(&*file)? {
                return Ok(Some(*number));
            }
        }
        Ok(None)
    }

    fn segment(&mut self, number: u32) -> io::Result<()> {
        let disk = &*self.stopped.disk;
        let file = Holed::new(disk.open(&segment_name(number))?, UNREADABLE_BLOCKS_MAX);
        let mut draft = Draft::new(number);
        let folder_key = self.stopped.folder_key.unwrap_or_default();
        let (gone, names) = (&mut self.gone, &mut self.names);
        let extent = segment::read(&file, number, &self.stopped.unsealer, |at, kind, body| {
            if !segment::is_well_formed(at, kind, body) {
                return false;
            }
            if kind == Kind::Changes
                && let Some(changes) = changes::decode(body)
            {
                gone.note(at.pack(), &changes);
            }
            if kind == Kind::Catalogue
                && let Some(found) = catalogue::decode(body)
            {
                *names = found.iter().map(ToString::to_string).collect();
            }
            let listing = listing::of_entry(&folder_key, at, kind, body);
            let listing = listing.unwrap_or_default();
            // Keys can only be compared where the folder's own key is known.
            let key = listing.key.filter(|_| self.stopped.folder_key.is_some());
            draft.list(&listing.items, key.as_slice());
            true
        })?;
        let needed = number < (self.newest.from >> 32) as u32;
        let checked = indexes::check(disk, number, needed, &extent, draft)?;
        if let Some(finding) = checked.finding {
            self.out.report.add(finding);
            self.out.indexes.push(number);
        }
        self.damage(&file, number, &extent, &checked.lost)?;
        if !file.is_whole() {
            let finding = Finding::new(What::Sector, Severity::Damaged, segment_name(number));
            self.out.report.add(finding);
        }
        for at in &extent.dirty {
            let finding = Finding::new(What::Padding, Severity::Note, segment_name(number));
            self.out.report.add(finding.at(*at..*at + 1));
        }
        let report = &mut self.out.report;
        report.segments += 1;
        report.entries += extent.entries;
        report.locked += extent.locked;
        self.out.extents.insert(number, extent);
        Ok(())
    }

    /// Says what of a segment cannot be read.
    fn damage(
        &mut self,
        file: &dyn DiskFile,
        number: u32,
        extent: &Extent,
        listed: &[(QueueNumber, Item)],
    ) -> io::Result<()> {
        for gap in extent.gaps.iter().filter(|gap| gap.content != Content::Zeros) {
            let guess = match gap.content {
                Content::Body(kind) => Some(kind),
                _ => guess(file, number, &gap.range)?.map(|guess| guess.kind),
            };
            self.entry(number, &gap.range, guess, listed)?;
        }
        let tail = extent.tail.clone();
        if tail.is_empty() {
            return Ok(());
        }
        let whole = guess(file, number, &tail)?.filter(|guess| guess.was_whole);
        if whole.is_some() || self.last != Some(number) || !in_range(listed, &tail).is_empty() {
            return self.entry(number, &tail, whole.map(|guess| guess.kind), listed);
        }
        let finding = Finding::new(What::TornTail, Severity::Note, segment_name(number)).at(tail);
        self.out.report.add(finding);
        Ok(())
    }

    /// An entry, or several, that cannot be read.
    fn entry(
        &mut self,
        number: u32,
        range: &Range<u64>,
        kind: Option<Kind>,
        listed: &[(QueueNumber, Item)],
    ) -> io::Result<()> {
        // Offsets in a segment are under 4 GiB.
        let position = Position { segment: number, offset: range.start as u32 }.pack();
        let listed = in_range(listed, range);
        let (severity, lost) = match kind {
            // What is before the checkpoint is looked at queue by queue.
            _ if position < self.newest.from => (Severity::Damaged, String::new()),
            Some(Kind::Catalogue) => (Severity::Damaged, String::new()),
            Some(Kind::Changes) if listed.is_empty() => {
                let lost = "what happened to events: they may be delivered again";
                (Severity::Damaged, lost.to_owned())
            }
            _ if listed.is_empty() => (Severity::Lost, "an event that was committed".to_owned()),
            _ => (Severity::Lost, self.in_words(&listed)),
        };
        let copy = format!("{}/{}", quarantine::FOLDER, quarantine::copy_name(number, range.start));
        let len = match self.stopped.disk.open(&copy) {
            Ok(copy) => Some(copy.len()?),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
            Err(fault) => return Err(fault),
        };
        let kind =
            kind.map_or_else(String::new, |kind| format!("it seems to be a {}; ", word(kind)));
        let set_aside = len == Some(range.end - range.start);
        let detail =
            format!("{kind}{}", if set_aside { "it was set aside" } else { "not set aside" });
        let severity = if set_aside { Severity::Note } else { severity };
        let finding = Finding::new(What::Entry, severity, segment_name(number));
        self.out.report.add(finding.at(range.clone()).detail(detail).lost(lost));
        if len.is_some() && !set_aside {
            self.out.report.add(Finding::new(What::ShortCopy, Severity::Note, copy));
        }
        Ok(())
    }

    fn in_words(&self, listed: &[(QueueNumber, Item)]) -> String {
        let mut by_queue: BTreeMap<QueueNumber, u64> = BTreeMap::new();
        listed.iter().for_each(|(queue, _)| *by_queue.entry(*queue).or_default() += 1);
        let one = |(queue, count): (&QueueNumber, &u64)| {
            let name = self.names.get(usize::from(queue.0));
            let name = name.cloned().unwrap_or_else(|| format!("number {}", queue.0));
            format!("{count} of queue {name}")
        };
        by_queue.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn stray_indexes(&mut self, numbers: &[u32]) -> io::Result<()> {
        for name in self.stopped.disk.list("log")? {
            let number = segment_number(&name, ".index");
            let stray =
                |number: &u32| numbers.binary_search(number).is_err() && !self.gone.counts(*number);
            if number.is_some_and(|number| stray(&number)) {
                let name = format!("log/{name}");
                self.out.report.add(Finding::new(What::StrayIndex, Severity::Note, name));
            }
        }
        Ok(())
    }

    fn missing_segments(&mut self) -> io::Result<()> {
        let disk = &*self.stopped.disk;
        for (segment, queue, count) in std::mem::take(&mut self.gone).lost() {
            let name = self.names.get(usize::from(queue.0)).cloned().unwrap_or_default();
            let finding = Finding::new(What::MissingSegment, Severity::Lost, segment_name(segment));
            let came = format!("{count} of queue {name} came in it");
            self.out.report.add(match read_whole(disk, segment)? {
                Whole::Listed(_) => Finding {
                    severity: Severity::Damaged,
                    ..finding.detail(format!("{came}; its index is there"))
                },
                Whole::Missing | Whole::Damaged => finding.detail(came.clone()).lost(came),
            });
        }
        Ok(())
    }
}

fn in_range(listed: &[(QueueNumber, Item)], range: &Range<u64>) -> Vec<(QueueNumber, Item)> {
    let inside = |(_, item): &&(QueueNumber, Item)| {
        range.contains(&u64::from(Position::unpack(item.id.position).offset))
    };
    listed.iter().filter(inside).copied().collect()
}

/// A stable word for a kind of entry.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Commit => "commit",
        Kind::Changes => "changes",
        Kind::Catalogue => "catalogue",
        Kind::Again => "again",
        Kind::Snapshot => "snapshot",
        Kind::Refused => "refused",
        Kind::Mark => "mark",
    }
}

/// So many blocks of one segment that the disk cannot read are passed over.
const UNREADABLE_BLOCKS_MAX: usize = 4096;
