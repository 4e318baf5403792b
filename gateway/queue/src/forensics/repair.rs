//! Repairing a folder: what is derived is made again, what is damaged is set aside, what was never
//! finished is cut off. Nothing that can be read is ever dropped.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::files::{DRAFT, FOLDERS};
use super::finding::What;
use super::report::{Progress, Report};
use super::segment::Content;
use super::stopped::{Options, Stopped};
use super::verify::{Examined, examine};
use crate::disk::Disk;
use crate::fault::OpenFault;
use crate::format::{catalogue, settings};
use crate::index::index_name;
use crate::log::segment_name;
use crate::quarantine::{self, Copied};
use crate::recovery::Trust;
use crate::seal::{KEYRING_FILES, is_keyring_sound, random};
use crate::store::folder;

/// Whether a repair is made, or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is changed: what would be done is done in memory.
    DryRun,
    /// The folder is repaired.
    ForReal,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Which finding it is about.
    pub what: What,
    /// The file, relative to the data folder.
    pub file: String,
    /// What was done to it.
    pub done: &'static str,
}

/// A repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The folder before.
    pub before: Report,
    /// What was done, in order.
    pub actions: Vec<Action>,
    /// The folder after: what remains.
    pub after: Report,
    /// Where this is written down, relative to the data folder; `None` if nothing was done.
    pub record: Option<String>,
}

impl Repaired {
    /// The repair as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let action = |action: &Action| {
            let code = action.what.code();
            json!({ "code": code, "file": action.file, "done": action.done })
        };
        json!({
            "actions": self.actions.iter().map(action).collect::<Vec<_>>(),
            "before": self.before.json(),
            "after": self.after.json(),
            "record": self.record,
        })
    }
}

/// Repairs a folder that no gateway has open, and verifies it before and after.
///
/// # Errors
/// As those of [`verify`](super::verify()); and when the folder is sealed and its key was not
/// given: without it nobody knows what an index must list.
pub fn repair(
    folder: &Path,
    options: &Options,
    mode: Mode,
    progress: &mut dyn FnMut(Progress),
) -> Result<Repaired, OpenFault> {
    let stopped = match mode {
        Mode::DryRun => Stopped::look(folder, options)?,
        Mode::ForReal => Stopped::change(folder, options)?,
    };
    repair_stopped(stopped, progress)
}

pub(crate) fn repair_stopped(
    mut stopped: Stopped,
    progress: &mut dyn FnMut(Progress),
) -> Result<Repaired, OpenFault> {
    if let Some(fault) = stopped.locked.take() {
        return Err(fault);
    }
    let examined = examine(&stopped, progress)?;
    let mut repair = Repair { stopped: &mut stopped, examined: &examined, actions: Vec::new() };
    repair.run().map_err(OpenFault::disk("repair the data folder"))?;
    let actions = repair.actions;
    let after = examine(&stopped, progress)?.report;
    let mut repaired = Repaired { before: examined.report, actions, after, record: None };
    if !repaired.actions.is_empty() {
        let name = format!("repair-{}.json", stopped.clock.now().unix_ms());
        let bytes = format!("{:#}\n", repaired.json());
        stopped
            .disk
            .replace(quarantine::FOLDER, &name, bytes.as_bytes())
            .map_err(OpenFault::disk("write down what was repaired"))?;
        repaired.record = Some(format!("{}/{name}", quarantine::FOLDER));
    }
    Ok(repaired)
}

struct Repair<'r> {
    stopped: &'r mut Stopped,
    examined: &'r Examined,
    actions: Vec<Action>,
}

impl Repair<'_> {
    fn run(&mut self) -> io::Result<()> {
        self.format()?;
        self.copy_of(KEYRING_FILES, What::KeyringCopy, is_keyring_sound)?;
        self.copy_of(settings::FILES, What::SettingsCopy, |bytes| {
            settings::decode(bytes).is_some()
        })?;
        self.remove_drafts()?;
        for finding in &self.examined.report.findings {
            match finding.what {
                What::Ballast | What::StrayIndex => {
                    self.stopped.disk.remove(&finding.file)?;
                    self.did(finding.what, &finding.file, "removed");
                }
                What::Keys | What::Checkpoint => self.move_aside(finding.what, &finding.file)?,
                What::TornTail => self.did(finding.what, &finding.file, "copied aside and cut off"),
                What::UnusedSegment => self.did(finding.what, &finding.file, "removed"),
                _ => {}
            }
        }
        self.set_damage_aside()?;
        self.rebuild()
    }

    fn did(&mut self, what: What, file: &str, done: &'static str) {
        self.actions.push(Action { what, file: file.to_owned(), done });
    }

    fn disk(&self) -> std::sync::Arc<dyn Disk> {
        std::sync::Arc::clone(&self.stopped.disk)
    }

    /// Both copies, from the one that can be read, as a start makes them. If none can, the folder
    /// gets another key: idempotency keys were hashed with the lost one, and are hashed anew.
    fn format(&mut self) -> io::Result<()> {
        let (key, what, done) = match self.stopped.folder_key {
            Some(key) => (key, What::FormatCopy, "made again from its copy"),
            None => {
                let key = random().ok_or_else(|| io::Error::other("system has no randomness"))?;
                self.stopped.folder_key = Some(*key);
                self.stopped.trust = Trust::Segments;
                (*key, What::Format, "made again with a new key")
            }
        };
        for file in folder::save(&*self.disk(), self.stopped.version, key)? {
            self.did(what, file, done);
        }
        Ok(())
    }

    /// Makes the copy that cannot be read again from the one that can.
    fn copy_of(
        &mut self,
        files: [&str; 2],
        what: What,
        is_sound: impl Fn(&[u8]) -> bool,
    ) -> io::Result<()> {
        let disk = self.disk();
        let [one, other] = files;
        for (from, to) in [(one, other), (other, one)] {
            let sound = disk.read(from)?.filter(|bytes| is_sound(bytes));
            let bad = !disk.read(to)?.is_some_and(|bytes| is_sound(&bytes));
            if let Some(bytes) = sound.filter(|_| bad) {
                disk.replace("", to, &bytes)?;
                self.did(what, to, "made again from its copy");
            }
        }
        Ok(())
    }

    fn remove_drafts(&mut self) -> io::Result<()> {
        let disk = self.disk();
        for folder in FOLDERS {
            for name in disk.list(folder)?.into_iter().filter(|name| name.ends_with(DRAFT)) {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                disk.remove(&path)?;
                self.did(What::Draft, &path, "removed");
            }
        }
        Ok(())
    }

    fn move_aside(&mut self, what: What, path: &str) -> io::Result<()> {
        quarantine::move_here(&*self.disk(), path)?;
        self.did(what, path, "moved into quarantine");
        Ok(())
    }

    fn set_damage_aside(&mut self) -> io::Result<()> {
        let disk = self.disk();
        for (number, extent) in &self.examined.extents {
            let damaged = extent.gaps.iter().filter(|gap| gap.content != Content::Zeros);
            let ranges = damaged.map(|gap| gap.range.clone()).chain([extent.tail.clone()]);
            for range in ranges.filter(|range| !range.is_empty()) {
                let file = disk.open(&segment_name(*number))?;
                match quarantine::copy(&*disk, &*file, *number, range)? {
                    Copied::Made => {
                        self.did(What::Entry, &segment_name(*number), "copied into quarantine");
                    }
                    Copied::Known => {}
                    Copied::NoRoom => return Err(io::ErrorKind::StorageFull.into()),
                }
            }
        }
        Ok(())
    }

    /// Does what a start does, and what it leaves for later: indexes and names.
    fn rebuild(&mut self) -> io::Result<()> {
        let disk = self.disk();
        let recovered = self.stopped.recover(&disk)?;
        let numbers: Vec<u32> = match self.stopped.trust {
            Trust::Segments => self.examined.extents.keys().copied().collect(),
            Trust::Indexes => self.examined.indexes.clone(),
        };
        for number in numbers {
            recovered.listings.repair(number)?;
            let file = index_name(number);
            self.did(What::Index, &file, "made again from its segment");
        }
        if recovered.names != recovered.names_saved {
            let bytes = catalogue::encode_file(&recovered.names);
            disk.replace("", catalogue::FILE, &bytes)?;
            self.did(What::Names, catalogue::FILE, "made again from the log");
        }
        Ok(())
    }
}
