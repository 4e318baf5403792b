//! `sluicegate plugin push` and `pull`: plugins to and from a registry.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sluicegate_admission::sha256;
use sluicegate_filters::Form;
use zeroize::Zeroizing;

use super::subject::{read, refused};
use crate::cli::table::plain;
use crate::cli::{CommandFault, say};
use crate::oci::{self, Credentials, OciFault, Reference, Registry};

/// What `push` takes.
#[derive(Debug, Args)]
pub(super) struct Push {
    /// The component, or a core module that carries its component type.
    file: PathBuf,
    /// Where to: `oci://registry/repository:tag`.
    to: Reference,
    #[command(flatten)]
    login: Login,
}

/// What `pull` takes.
#[derive(Debug, Args)]
pub(super) struct Pull {
    /// What: `oci://registry/repository:tag`, or with `@sha256:DIGEST`.
    from: Reference,
    /// The file to write. Default: the last part of the repository's name, with `.wasm`.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    login: Login,
}

/// As whom the registry is asked.
#[derive(Debug, Args)]
struct Login {
    /// The name at the registry.
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// The environment variable that holds the password, or a token in its place.
    #[arg(long, value_name = "VARIABLE", group = "password", requires = "user")]
    password_env: Option<String>,
    /// The file that holds the password; one newline at its end is taken away.
    #[arg(long, value_name = "FILE", group = "password", requires = "user")]
    password_file: Option<PathBuf>,
    /// A PEM file of the certificate authorities to believe.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Pushes a plugin, and prints its name with its digest: what a configuration has.
pub(super) fn push(ask: &Push, json: bool) -> Result<(), CommandFault> {
    let to = &ask.to;
    if to.tag().is_none() || to.digest().is_some() {
        let message = "a plugin is pushed to a tag; its digest is what comes of it";
        return Err(CommandFault::Misused(message.into()));
    }
    let bytes = read(&ask.file)?;
    // What no gateway takes is not for others.
    let found = sluicegate_filters::inspect(&bytes).map_err(|fault| refused(&ask.file, &fault))?;
    if let Some(fault) = found.refused {
        return Err(refused(&ask.file, &fault.into()));
    }
    let (component, size) = (sha256(&bytes), bytes.len());
    let imports: Vec<_> = found.imports.into_iter().map(|import| import.name).collect();
    let world = (found.form == Form::Component).then_some((&imports[..], &found.exports[..]));
    let title = ask.file.file_name().unwrap_or_default().to_string_lossy();
    let digest = oci::push(&ask.login.registry()?, to, &title, bytes, world).map_err(told)?;
    let reference = to.pinned(digest);
    if json {
        let (reference, component) = (reference.to_string(), component.to_string());
        say(&json!({ "oci": reference, "sha256": component, "bytes": size }).to_string());
    } else {
        say(&format!("oci       {reference}\nsha256    {component}\nsize      {size} bytes"));
    }
    Ok(())
}

/// Pulls a plugin into a file.
pub(super) fn pull(ask: &Pull, json: bool) -> Result<(), CommandFault> {
    let from = &ask.from;
    let pulled = oci::pull(&ask.login.registry()?, from, |_| None).map_err(told)?;
    let name = from.repository().rsplit('/').next().unwrap_or_default();
    let output = ask.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
    let unwritable = |fault: std::io::Error| {
        CommandFault::Input(format!("cannot write {}: {fault}", output.display()))
    };
    write(&output, &pulled.component).map_err(unwritable)?;
    let reference = from.pinned(pulled.manifest_digest).to_string();
    let (component, size) = (sha256(&pulled.component).to_string(), pulled.component.len());
    let file = output.display();
    if json {
        let file = file.to_string();
        let said = json!({ "oci": reference, "sha256": component, "bytes": size, "file": file });
        say(&said.to_string());
    } else {
        say(&format!("oci       {reference}\nsha256    {component}\nsize      {size} bytes"));
        say(&format!("file      {file}"));
    }
    Ok(())
}

/// Writes a file whole or not at all: a gateway may be watching it.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.unwrap_or(Path::new(".")).join(format!(".{name}.{}", std::process::id()));
    let written = fs::File::create(&draft).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        // It may never have been made.
        let _ = fs::remove_file(&draft);
    })
}

impl Login {
    fn registry(&self) -> Result<Registry, CommandFault> {
        let unreadable = |what: &Path, fault| {
            CommandFault::Input(format!("cannot read {}: {fault}", what.display()))
        };
        let password = match (&self.password_env, &self.password_file) {
            (Some(variable), _) => Some(std::env::var(variable).map_err(|_| {
                CommandFault::Input(format!("environment variable {variable} is not set"))
            })?),
            (None, Some(file)) => {
                let text = fs::read_to_string(file).map_err(|fault| unreadable(file, fault))?;
                Some(text.strip_suffix('\n').map_or(text.clone(), str::to_owned))
            }
            (None, None) => None,
        };
        let credentials = self
            .user
            .clone()
            .zip(password)
            .map(|(user, password)| Credentials { user, password: Zeroizing::new(password) });
        let ca = match &self.ca_file {
            Some(file) => Some(fs::read(file).map_err(|fault| unreadable(file, fault))?),
            None => None,
        };
        Ok(Registry { credentials, ca })
    }
}

/// What a registry does not give is no fault of the input: another try may go well.
fn told(fault: OciFault) -> CommandFault {
    let text = format!("{} [{}]", plain(&fault.to_string()), fault.code());
    CommandFault::Remote(text)
}
