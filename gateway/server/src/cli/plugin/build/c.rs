//! C and C++: zig, which brings a C++ library, or clang and lld, which do for C.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::stage::Stage;
use super::tool::{find, missing, read, run};
use crate::cli::CommandFault;
use crate::cli::plugin::manifest::Folder;

/// Builds the module; it carries its component type.
pub(super) fn build(folder: &Folder) -> Result<Vec<u8>, CommandFault> {
    let source = folder.source();
    let (c, cpp) = sources(&source)?;
    let needed = if cpp.is_empty() { Needed::C } else { Needed::Cpp };
    let sdk = absolute(&folder.sdk());
    let source = absolute(&source);
    let work = Work { sdk, source, stage: Stage::new()?, compiler: Compiler::find(needed)? };
    let mut objects = Vec::new();
    for file in sources(&work.sdk.join("src"))?.0 {
        objects.push(work.compile_c(&file, Of::Sdk)?);
    }
    objects.push(work.compile_c(&work.sdk.join("gen/filter_plugin.c"), Of::Sdk)?);
    for file in &c {
        objects.push(work.compile_c(file, Of::Filter)?);
    }
    for file in &cpp {
        objects.push(work.compile_cpp(file, Of::Filter)?);
    }
    objects.push(match needed {
        Needed::C => work.compile_c(&work.sdk.join("freestanding/string.c"), Of::Sdk)?,
        Needed::Cpp => work.compile_cpp(&work.sdk.join("cpp/runtime.cpp"), Of::Sdk)?,
    });
    objects.push(work.sdk.join("gen/filter_plugin_component_type.o"));
    work.link(&objects, needed)
}

/// What a compiler must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needed {
    C,
    Cpp,
}

/// Whose a file is: the SDK's own files are not warned about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Sdk,
    Filter,
}

enum Compiler {
    Zig(PathBuf),
    Clang { clang: PathBuf, linker: PathBuf },
}

impl Compiler {
    fn find(needed: Needed) -> Result<Self, CommandFault> {
        if let Some(zig) = find(&["zig", "python-zig"], &[]) {
            return Ok(Self::Zig(zig));
        }
        if needed == Needed::Cpp {
            return Err(missing("zig, which brings a C++ library", ZIG));
        }
        let both = |version: &str| {
            let clang = find(&[&format!("clang{version}")], &[])?;
            let linker = find(&[&format!("wasm-ld{version}")], &[])?;
            Some(Self::Clang { clang, linker })
        };
        CLANGS.iter().find_map(|version| both(version)).ok_or_else(|| {
            missing("a C compiler for Wasm", &format!("{ZIG}; or on Debian: {DEBIAN}"))
        })
    }
}

struct Work {
    sdk: PathBuf,
    source: PathBuf,
    stage: Stage,
    compiler: Compiler,
}

impl Work {
    fn compile_c(&self, file: &Path, of: Of) -> Result<PathBuf, CommandFault> {
        let mut command = match &self.compiler {
            Compiler::Zig(zig) => {
                let mut command = Command::new(zig);
                command.args(["cc", "-target", "wasm32-freestanding"]);
                command
            }
            Compiler::Clang { clang, .. } => {
                let mut command = Command::new(clang);
                command.arg("--target=wasm32-unknown-unknown");
                command
            }
        };
        command.args(["-std=c11", "-ffreestanding"]);
        command.arg(joined("-I", &self.sdk.join("freestanding")));
        if file.ends_with("freestanding/string.c") {
            // It would call itself.
            command.arg("-fno-builtin");
        }
        self.compile(command, file, of)
    }

    fn compile_cpp(&self, file: &Path, of: Of) -> Result<PathBuf, CommandFault> {
        let mut command = self.zig_cpp();
        command.args(["-std=c++23", "-fno-exceptions", "-fno-rtti"]);
        self.compile(command, file, of)
    }

    fn zig_cpp(&self) -> Command {
        let (Compiler::Zig(program) | Compiler::Clang { clang: program, .. }) = &self.compiler;
        let mut command = Command::new(program);
        command.args(["c++", "-target", "wasm32-wasi"]);
        command
    }

    fn compile(&self, mut command: Command, file: &Path, of: Of) -> Result<PathBuf, CommandFault> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let object = self.stage.path(&format!("{of:?}_{name}.o"));
        command.args(["-O2", "-mbulk-memory"]).arg(joined("-I", &self.sdk.join("include")));
        // Paths would end up in the text of asserts.
        for (folder, name) in [(&self.sdk, "/sluicegate"), (&self.source, "/filter")] {
            let mut option = joined("-ffile-prefix-map=", folder);
            option.push(format!("={name}"));
            command.arg(option);
        }
        if of == Of::Filter {
            command.args(["-Wall", "-Wextra", "-Wno-unused-parameter"]);
        }
        run(command.arg("-c").arg(file).arg("-o").arg(&object))?;
        Ok(object)
    }

    fn link(&self, objects: &[PathBuf], needed: Needed) -> Result<Vec<u8>, CommandFault> {
        let mut command = match (&self.compiler, needed) {
            (_, Needed::Cpp) => {
                let mut command = self.zig_cpp();
                command.args(["-mexec-model=reactor", "-Wl,--gc-sections,--strip-all"]);
                command
            }
            (Compiler::Zig(zig), Needed::C) => {
                let mut command = Command::new(zig);
                command.arg("wasm-ld").args(LINK);
                command
            }
            (Compiler::Clang { linker, .. }, Needed::C) => {
                let mut command = Command::new(linker);
                command.args(LINK);
                command
            }
        };
        let module = self.stage.path("core.wasm");
        run(command.args(objects).arg("-o").arg(&module))?;
        read(&module)
    }
}

/// The C and the C++ files of a folder, without the tests, in an order that is always the same:
/// the linker's output depends on it.
fn sources(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), CommandFault> {
    let unreadable = |fault: std::io::Error| {
        CommandFault::Input(format!("cannot read {}: {fault}", folder.display()))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        files.push(absolute(&entry.map_err(unreadable)?.path()));
    }
    files.sort();
    files.retain(|file| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        !stem.ends_with("_test")
    });
    let of = |kind: &str| {
        let is_of = |file: &&PathBuf| file.extension().is_some_and(|it| it == kind);
        files.iter().filter(is_of).cloned().collect::<Vec<_>>()
    };
    Ok((of("c"), of("cpp")))
}

fn absolute(path: &Path) -> PathBuf {
    // What cannot be found is told by who reads it.
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut whole = OsString::from(option);
    whole.push(path);
    whole
}

const LINK: [&str; 6] =
    ["--no-entry", "--gc-sections", "--strip-all", "--stack-first", "-z", "stack-size=65536"];

const CLANGS: [&str; 10] = ["", "-22", "-21", "-20", "-19", "-18", "-17", "-16", "-15", "-14"];

const ZIG: &str = "pip install ziglang==0.17.1, or zig from https://ziglang.org/download";
const DEBIAN: &str = "apt-get install clang lld";
