//! What the tests share: a log on a simulated disk, entries that say their number, and a look at
//! what a start finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::format::bytes::{Put, Take};
use crate::format::entry::{self, Kind};
use crate::log::{
    Depot, Found, Log, LogFault, Segments, Use, remove_unused, scan, segment_name, segment_number,
};

pub(super) const SEGMENT: u64 = 64 * 1024;
pub(super) const BALLAST: u64 = 32 * 1024;
/// What is left of a segment for settlements when there is no next one.
pub(super) const RESERVE: u64 = SEGMENT / 4;

/// An entry that says its number, and is about so large.
pub(super) fn frame(number: u64, len: usize) -> Vec<u8> {
    let mut out = entry::start(len);
    out.put_number(number);
    out.put_raw(&vec![0xab; len.saturating_sub(40)]);
    entry::finish(&mut out, Kind::Changes);
    out
}

pub(super) struct Rig {
    pub(super) disk: SimulatedDisk,
    pub(super) depot: Arc<Depot>,
    pub(super) segments: Arc<Segments>,
    pub(super) log: Log,
}

impl Rig {
    /// A new life of the log: nobody works in its depot but who needs a segment.
    pub(super) fn start(disk: &SimulatedDisk) -> Result<Self, LogFault> {
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        remove_unused(&*seam)?;
        let names = seam.list("log")?;
        let numbers = names.iter().filter_map(|name| segment_number(name, ".log"));
        let next = numbers.max().unwrap_or(0) + 1;
        let depot = Arc::new(Depot::new(Arc::clone(&seam), SEGMENT, BALLAST, next));
        let segments = Arc::new(Segments::new(seam));
        let log = Log::start(Arc::clone(&depot), Arc::clone(&segments), Vec::new())?;
        Ok(Self { disk: disk.clone(), depot, segments, log })
    }

    /// An entry that is durable when this returns.
    pub(super) fn append(&mut self, number: u64, usage: Use) -> Result<(), LogFault> {
        self.log.append(&frame(number, 1000), usage)?;
        self.log.write()?;
        Ok(self.log.sync()?)
    }

    /// Appends from this number on until there is no room; returns the number that was refused.
    pub(super) fn fill(&mut self, from: u64, usage: Use) -> u64 {
        for number in from.. {
            match self.append(number, usage) {
                Ok(()) => {}
                Err(LogFault::Full) => return number,
                Err(LogFault::Disk(fault)) => panic!("{fault}"),
            }
        }
        unreachable!("a disk is not endless")
    }

    /// All the work of the depot that there is.
    pub(super) fn work(&self) {
        while self.depot.work() {}
    }
}

/// How often each entry is in the log, as a start finds it.
pub(super) fn entries(disk: &SimulatedDisk) -> BTreeMap<u64, usize> {
    let mut found = BTreeMap::new();
    for name in disk.list("log").unwrap() {
        let number = segment_number(&name, ".log").unwrap();
        let file = disk.open(&segment_name(number)).unwrap();
        scan(&*file, number, |part| {
            if let Found::Entry { head, body, .. } = part
                && head.kind == Kind::Changes
            {
                *found.entry(Take(body).number().unwrap()).or_default() += 1;
            }
        })
        .unwrap();
    }
    found
}

/// All entries below `end` are there once.
pub(super) fn assert_all(disk: &SimulatedDisk, end: u64) {
    let expected: BTreeMap<u64, usize> = (0..end).map(|number| (number, 1)).collect();
    assert_eq!(entries(disk), expected);
}
