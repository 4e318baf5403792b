//! What every bench does with its arguments before it measures anything.

use std::process::ExitCode;

/// The options that were asked for; or the exit code, where help was, or what there is not.
pub(super) fn asked<Options>(
    arguments: Vec<String>,
    help: &str,
    parse: impl FnOnce(Vec<String>) -> Result<Options, String>,
) -> Result<Options, ExitCode> {
    if asks_for_help(&arguments) {
        print!("{help}");
        return Err(ExitCode::SUCCESS);
    }
    let options = parse(arguments).map_err(|fault| {
        eprintln!("{fault}\n\n{help}");
        ExitCode::from(2)
    })?;
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures say nothing");
    }
    Ok(options)
}

/// Whether help is asked for, whatever else is.
pub(super) fn asks_for_help(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument == "--help")
}

/// A number above zero; underscores may divide it.
pub(super) fn count<Number: std::str::FromStr + PartialOrd + From<u8>>(
    text: &str,
) -> Result<Number, String> {
    match text.replace('_', "").parse() {
        Ok(number) if number > Number::from(0) => Ok(number),
        _ => Err(format!("{text} is not a number above zero")),
    }
}
