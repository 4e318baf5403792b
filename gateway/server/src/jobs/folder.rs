//! The files of jobs: one each, replaced atomically and flushed after every page.
//!
//! A page that was done is noted after it is durable: a crash between the two lets the page be
//! placed once more (at least once). A file that cannot be read is set aside and reported; it never
//! keeps the gateway from starting.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::job::{Job, JobId, VERSION};

/// The folder of the jobs' files.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, or makes it, and reads the jobs in it.
    pub(super) fn open(path: PathBuf) -> io::Result<(Self, Vec<Job>)> {
        fs::create_dir_all(&path)?;
        let folder = Self(path);
        let mut jobs = Vec::new();
        for entry in fs::read_dir(&folder.0)? {
            let path = entry?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            match read(&path) {
                Ok(job) => jobs.push(job),
                Err(why) => {
                    tracing::error!(file = %path.display(), why, "a job cannot be read: set aside");
                    set_aside(&path)?;
                }
            }
        }
        Ok((folder, jobs))
    }

    /// Writes a job down; durable when this returns.
    pub(super) fn save(&self, job: &Job) -> io::Result<()> {
        let path = self.path(job.id);
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(job)?)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(&self.0)?.sync_all()
    }

    /// Takes away the file of a job; one that is not there is no fault.
    pub(super) fn remove(&self, id: JobId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            _ => Ok(()),
        }
    }

    /// Sets the file of a job aside that cannot be worked on.
    pub(super) fn set_aside(&self, id: JobId) -> io::Result<()> {
        set_aside(&self.path(id))
    }

    fn path(&self, id: JobId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }
}

fn set_aside(path: &Path) -> io::Result<()> {
    fs::rename(path, path.with_extension("json.damaged"))
}

fn read(path: &Path) -> Result<Job, String> {
    let bytes = fs::read(path).map_err(|fault| fault.to_string())?;
    let job: Job = serde_json::from_slice(&bytes).map_err(|fault| fault.to_string())?;
    if job.version == VERSION { Ok(job) } else { Err(format!("version {}", job.version)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Stamp, machine_clock};
    use crate::jobs::task::{LettersAsk, Task};

    #[test]
    fn jobs_are_read_back_and_damaged_files_are_set_aside() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("jobs");
        let (folder, none) = Folder::open(path.clone()).unwrap();
        assert!(none.is_empty());
        let task = Task::Redrive { queue: "q".into(), ask: LettersAsk::default() };
        let arrival = Stamp::new(machine_clock()).arrival();
        let end = "0000000100000040-1".parse().unwrap();
        let mut job = Job::new(arrival, task, None, end);
        folder.save(&job).unwrap();
        job.counts.moved = 7;
        folder.save(&job).unwrap();
        fs::write(path.join("0000000000000001.json"), "{").unwrap();
        let newer = serde_json::to_string(&job).unwrap().replace("\"version\":1", "\"version\":2");
        fs::write(path.join("0000000000000002.json"), newer).unwrap();
        let (folder, found) = Folder::open(path.clone()).unwrap();
        assert_eq!(found, [job.clone()]);
        assert!(path.join("0000000000000001.json.damaged").exists());
        assert!(path.join("0000000000000002.json.damaged").exists());
        folder.remove(job.id).unwrap();
        folder.remove(job.id).unwrap();
        assert!(Folder::open(path).unwrap().1.is_empty());
    }
}
