//! Room to compile a schema in. The compiler recurses over schemas that are nested in one another,
//! and whoever calls it may stand on a small stack.

use std::thread;

use crate::schema::fault::SchemaProblem;

/// Bytes of the stack that a schema is compiled on. The longest way through a schema that its bytes
/// allow fits; what is not used costs no memory. With all that it refers to a schema may have a
/// longer one, hidden in loops: a child process compiles it first, on a stack of the same size, so
/// that only the child ends where that is too little.
pub(crate) const COMPILING_BYTES: usize = 64 * 1024 * 1024;

/// Does this on a thread with room for it.
pub(crate) fn with_room<T: Send>(
    work: impl FnOnce() -> Result<T, SchemaProblem> + Send,
) -> Result<T, SchemaProblem> {
    let ended = |what: &str| SchemaProblem::Refused(format!("it could not be compiled: {what}"));
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(COMPILING_BYTES).spawn_scoped(scope, work);
        let thread = thread.map_err(|fault| ended(&fault.to_string()))?;
        thread.join().unwrap_or_else(|_| Err(ended("it broke the compiler")))
    })
}
