//! Lines in the gateway's log, marked there with the plugin, its digest and the event.

pub use crate::bindings::sluicegate::plugin::log::Level;

/// Whether lines of this level are written at all: ask before making an expensive one.
pub fn enabled(level: Level) -> bool {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::sluicegate::plugin::log::enabled(level);
    #[cfg(not(target_arch = "wasm32"))]
    return level >= Level::Info;
}

/// Writes a line with fields. In native tests it goes to standard error.
pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::sluicegate::plugin::log::write(level, message, fields);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?} {message} {fields:?}");
}

/// Writes a line of level info.
pub fn info(message: &str) {
    write(Level::Info, message, &[]);
}

/// Writes a line of level warn.
pub fn warn(message: &str) {
    write(Level::Warn, message, &[]);
}
