//! What is wrong with a configuration: said with file, line and path, all at once.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The line in the file, from 1; 0 if the fault is with the file as a whole.
    pub line: usize,
    /// The place as keys and positions: `routes[0].to`.
    pub path: String,
    /// A stable code.
    pub code: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults {
    /// The file.
    pub file: PathBuf,
    /// At least one fault.
    pub faults: Vec<ConfigFault>,
}

impl ConfigFaults {
    /// The faults of a file, ordered by line.
    #[must_use]
    pub fn new(file: &Path, mut faults: Vec<ConfigFault>) -> Self {
        faults.sort_by(|a, b| (a.line, &a.path).cmp(&(b.line, &b.path)));
        faults.dedup();
        Self { file: file.to_owned(), faults }
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file.display())?;
            if fault.line > 0 {
                write!(f, ":{}", fault.line)?;
            }
            if !fault.path.is_empty() {
                write!(f, ": {}", fault.path)?;
            }
            write!(f, ": {} [{}]", fault.message, fault.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}
