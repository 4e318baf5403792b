//! `bench queue kill`: the crash test of the system tests, as many rounds as are asked for.

use std::process::ExitCode;

use super::options::HELP;
use crate::bench::asked::count;
use crate::kills;

/// The word after `queue` that asks for it.
pub(super) const ARGUMENT: &str = "kill";

const ROUNDS: usize = 200;

/// Runs the rounds. What is lost or doubled ends the process with the reason and a failure.
pub(super) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    match parse(arguments) {
        Ok((rounds, seed)) => {
            println!("seed {seed}");
            let told = kills::run(rounds, seed);
            println!(
                "{} kills; {} events acknowledged: each is there once, as it was sent",
                told.kills, told.acked
            );
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<(usize, u64), String> {
    let (mut rounds, mut seed) = (ROUNDS, u64::from(std::process::id()));
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--rounds" => rounds = count(&value()?)?,
            "--seed" => seed = count(&value()?)?,
            _ => return Err(format!("there is no option {name}")),
        }
    }
    Ok((rounds, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_and_seed_are_read_and_wrong_options_are_named() {
        let parse = |text: &str| parse(text.split_whitespace().map(str::to_owned));
        assert_eq!(parse("--rounds 3 --seed 9"), Ok((3, 9)));
        assert_eq!(parse("").unwrap().0, ROUNDS);
        assert!(parse("--round 3").unwrap_err().contains("--round"));
        assert!(parse("--rounds 0").unwrap_err().contains("above zero"));
    }
}
