//! Three lives, each in a process of its own: an empty store, a full one that is killed, and the
//! one that opens the folder after it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::life::{self, Terms};
use crate::bench::queue::command::EVENT_BYTES;
use crate::bench::queue::disk;
use crate::bench::queue::figures::{Figures, name};
use crate::bench::queue::options::Options;
use crate::bench::queue::part::{Part, Work, read_figures};

/// Commits that are acknowledged before the kill.
const COMMITS_BEFORE_KILL: u64 = 5000;
const KILL: Duration = Duration::from_secs(60);

/// Measures all three lives.
pub(in crate::bench::queue) fn run(folder: &Path, options: &Options) -> Result<Figures, String> {
    let fresh = (options.seconds * 400_000.0) as u64;
    disk::require_free(folder, (options.backlog + fresh) * EVENT_BYTES)?;
    let terms = Terms { events: options.backlog, notes: folder.to_owned() };
    let part = |work, name: &str| -> Result<Part, String> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).map_err(|fault| fault.to_string())?;
        Ok(Part { work, folder, seconds: options.seconds })
    };
    let empty = part(Work::Empty, "empty")?;
    let before = empty.run(None)?;
    fs::remove_dir_all(&empty.folder).map_err(|fault| fault.to_string())?;
    let mut figures = fill_and_kill(&part(Work::Fill(terms.clone()), "data")?, &terms)?;
    let ratio = |figures: &Figures, name: &str| {
        figures.get(name).zip(before.get(name)).map_or(f64::NAN, |(full, empty)| full / empty)
    };
    let ratios = [
        (name::COMMIT_RATIO, ratio(&figures, life::COMMIT_RATE)),
        (name::DRAIN_RATIO, ratio(&figures, life::DRAIN_RATE)),
    ];
    ratios.iter().for_each(|(name, value)| figures.set(name, *value));
    for name in [life::COMMIT_RATE, life::DRAIN_RATE] {
        figures.set(&format!("empty_{name}"), before.get(name).unwrap_or(f64::NAN));
    }
    figures.extend(part(Work::Recover(terms), "data")?.run(None)?);
    Ok(figures)
}

/// Runs the second life up to its commits, and kills it in the middle of them.
fn fill_and_kill(part: &Part, terms: &Terms) -> Result<Figures, String> {
    let mut child = part.command()?.stdout(Stdio::piped()).spawn().map_err(|f| f.to_string())?;
    let stdout = child.stdout.take().ok_or("the child has no output")?;
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    let figures = read.map_err(|fault| fault.to_string()).and_then(|_| read_figures(line.trim()));
    let done = figures.and_then(|figures| {
        wait_for_commits(&mut child, terms)?;
        Ok(figures)
    });
    // SIGKILL; it may have ended by itself, which the figures tell.
    let _ = child.kill();
    let _ = child.wait();
    done
}

fn wait_for_commits(child: &mut Child, terms: &Terms) -> Result<(), String> {
    let give_up = Instant::now() + KILL;
    loop {
        let bytes = fs::metadata(terms.committed()).map_or(0, |file| file.len());
        if bytes >= COMMITS_BEFORE_KILL * size_of::<u64>() as u64 {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the process ended before it was killed: {status}"));
        }
        if Instant::now() > give_up {
            return Err(format!("no {COMMITS_BEFORE_KILL} commits within {KILL:?}"));
        }
        thread::sleep(Duration::from_millis(1));
    }
}
