//! Where and how components are compiled.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use sluicegate_core::ids::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::cache;
use crate::fault::LoadFault;
use crate::load::compile;

/// Where components are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In this process: for tools that end with what they compile, and for tests.
    Here,
    /// In a child process.
    Child(Child),
}

/// A program that compiles what it reads: it calls [`compile_child`](super::compile_child).
#[derive(Debug, Clone)]
pub struct Child {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Address space that it may take, in bytes.
    pub memory_bytes_max: u64,
    /// How long it may take, by the wall and by the processor.
    pub time_max: Duration,
    /// Where what was compiled is kept; `None`: nowhere.
    pub cache: Option<Cache>,
}

/// A folder of compiled components, which nobody else may write to: what is in it is run.
#[derive(Debug, Clone)]
pub struct Cache {
    /// The folder; it is made if it is not there.
    pub folder: PathBuf,
    /// SHA-256.
    pub sha256: fn(&[u8]) -> Digest,
    /// Files that are kept, the oldest go first.
    pub files_max: usize,
}

impl Compiler {
    /// Compiles a component, or a core module that carries its component type.
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<Component, LoadFault> {
        let child = match self {
            Self::Here => return compile(engine, bytes),
            Self::Child(child) => child,
        };
        if let Some(cache) = &child.cache {
            match cache.find(engine, digest) {
                Ok(Some(component)) => return Ok(component),
                Ok(None) => {}
                // Compiling again is right where the cache is not.
                Err(fault) => cache::tell("read", &cache.folder, &fault),
            }
        }
        let compiled = child.run(bytes)?;
        if let Some(cache) = &child.cache
            && let Err(fault) = cache.keep(engine, digest, &compiled)
        {
            cache::tell("write", &cache.folder, &fault);
        }
        cache::deserialize(engine, &compiled).map_err(|error| LoadFault::Compiler {
            why: format!("it wrote what is not code: {error:#}"),
        })
    }
}
