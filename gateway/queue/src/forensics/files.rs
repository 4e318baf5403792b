//! The small files of a folder: what it is, who may open it, what queues are called and told.

use std::io;

use super::finding::{Finding, Severity, What};
use super::report::Report;
use super::stopped::Stopped;
use crate::disk::Disk;
use crate::fault::OpenFault;
use crate::format::folder::{self, Said};
use crate::format::{catalogue, keys, settings};
use crate::log::{BALLAST, segment_number};
use crate::quarantine;
use crate::recovery::numbered;
use crate::seal::{KEYRING_FILES, is_keyring_sound};

/// The folders of a data folder.
pub(crate) const FOLDERS: [&str; 5] = ["", "log", "keys", "checkpoints", quarantine::FOLDER];

/// Looks at every small file.
pub(super) fn check(stopped: &Stopped, report: &mut Report) -> io::Result<()> {
    let disk = &*stopped.disk;
    copies(disk, folder::FILES, (What::FormatCopy, What::Format), report, |bytes| {
        matches!(folder::decode(bytes), Said::Key(..))
    })?;
    copies(disk, settings::FILES, (What::SettingsCopy, What::Settings), report, |bytes| {
        settings::decode(bytes).is_some()
    })?;
    copies(disk, KEYRING_FILES, (What::KeyringCopy, What::Keyring), report, is_keyring_sound)?;
    if let Some(fault @ OpenFault::KeyMissing { .. }) = &stopped.locked {
        let [file, _] = KEYRING_FILES;
        report.add(Finding::new(What::Keyring, Severity::Lost, file).detail(fault.to_string()));
    }
    names(disk, report)?;
    keys(disk, report)?;
    ballast(disk, report)?;
    strangers(disk, report)
}

/// A file that has a copy: either is enough.
fn copies(
    disk: &dyn Disk,
    files: [&str; 2],
    (one, both): (What, What),
    report: &mut Report,
    is_sound: impl Fn(&[u8]) -> bool,
) -> io::Result<()> {
    let mut found = Vec::new();
    for file in files {
        found.push((file, disk.read(file)?));
    }
    if found.iter().all(|(_, bytes)| bytes.is_none()) {
        // Settings and keyrings are made when they are needed. A format file is always there.
        if one == What::FormatCopy {
            report.add(Finding::new(both, Severity::Damaged, files[0]).detail("missing"));
        }
        return Ok(());
    }
    let sound = |bytes: &Option<Vec<u8>>| bytes.as_deref().is_some_and(&is_sound);
    let any = found.iter().any(|(_, bytes)| sound(bytes));
    let (what, severity) = match (any, both) {
        (true, _) => (one, Severity::Damaged),
        // What is sealed is lost with its keys.
        (false, What::Keyring) => (both, Severity::Lost),
        (false, _) => (both, Severity::Damaged),
    };
    for (file, bytes) in found.iter().filter(|(_, bytes)| !sound(bytes)) {
        let detail = if bytes.is_none() { "missing" } else { "damaged" };
        report.add(Finding::new(what, severity, *file).detail(detail));
    }
    Ok(())
}

fn names(disk: &dyn Disk, report: &mut Report) -> io::Result<()> {
    let bytes = disk.read(catalogue::FILE)?;
    let detail = match bytes.as_deref() {
        None => "missing",
        Some(bytes) if catalogue::is_file_sound(bytes) => return Ok(()),
        Some(_) => "damaged",
    };
    report.add(Finding::new(What::Names, Severity::Damaged, catalogue::FILE).detail(detail));
    Ok(())
}

fn keys(disk: &dyn Disk, report: &mut Report) -> io::Result<()> {
    for number in numbered(disk, "keys", ".keys")? {
        let name = format!("keys/{}", keys::file_name(number));
        let bytes = disk.read(&name)?.unwrap_or_default();
        if keys::decode(&bytes).is_none() {
            let lost = format!("the idempotency keys of segment {number}");
            report.add(Finding::new(What::Keys, Severity::Damaged, name).lost(lost));
        }
    }
    Ok(())
}

fn ballast(disk: &dyn Disk, report: &mut Report) -> io::Result<()> {
    let file = match disk.open(BALLAST) {
        Ok(file) => file,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let filled = file.read_at(&mut bytes, offset)?;
        let read = bytes.get(..filled).unwrap_or_default();
        if let Some(at) = read.iter().position(|byte| *byte != 0) {
            let at = offset + at as u64;
            report.add(Finding::new(What::Ballast, Severity::Damaged, BALLAST).at(at..at + 1));
            return Ok(());
        }
        if filled == 0 {
            return Ok(());
        }
        offset += filled as u64;
    }
}

/// Drafts, and files that nobody knows.
fn strangers(disk: &dyn Disk, report: &mut Report) -> io::Result<()> {
    for folder in FOLDERS {
        let mut names = disk.list(folder)?;
        names.sort_unstable();
        for name in names {
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if name.ends_with(DRAFT) {
                report.add(Finding::new(What::Draft, Severity::Note, path));
            } else if !is_known(folder, &name) {
                report.add(Finding::new(What::Stranger, Severity::Note, path));
            }
        }
    }
    Ok(())
}

/// Whether a file of this name may be in this folder of a data folder.
pub(crate) fn is_known(folder: &str, name: &str) -> bool {
    let one_of = |files: [&str; 2]| files.contains(&name);
    match folder {
        "" => {
            FOLDERS.contains(&name)
                || one_of(folder::FILES)
                || one_of(settings::FILES)
                || one_of(KEYRING_FILES)
                || one_of([catalogue::FILE, BALLAST])
                || ["lock", "jobs", "compiled", "plugins", "refused", "learned", "schemas"]
                    .contains(&name)
                || name == "key-uses.json"
        }
        "log" => [".log", ".index"].iter().any(|end| segment_number(name, end).is_some()),
        "keys" => segment_number(name, ".keys").is_some(),
        "checkpoints" => segment_number(name, ".checkpoint").is_some(),
        _ => true,
    }
}

/// How the names of drafts end.
pub(crate) const DRAFT: &str = ".new";
const CHUNK_BYTES: usize = 1024 * 1024;
