//! Makes a component of a core module that carries its component type, as the compiler leaves it.
//! `componentize MODULE COMPONENT`. Runs on the host, as part of `plugins/build`.

use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<_> = env::args_os().skip(1).collect();
    let [module, component] = paths.as_slice() else {
        return Err("usage: componentize MODULE COMPONENT".into());
    };
    let module = fs::read(module)?;
    let bytes =
        wit_component::ComponentEncoder::default().validate(true).module(&module)?.encode()?;
    Ok(fs::write(component, bytes)?)
}
