//! How much work a regular expression can make of one character. It is an estimate that is never
//! too low; nothing is matched here.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, RepetitionKind, RepetitionRange};

/// The places of a pattern at which a match can stand at one time, repetitions written out. An
/// engine that runs in linear time looks at each of them for each character, at the worst.
pub(crate) fn positions(pattern: &str) -> u64 {
    Parser::new().parse(pattern).map_or(UNREAD, |ast| of(&ast))
}

/// The parser bounds the depth.
fn of(ast: &Ast) -> u64 {
    match ast {
        Ast::Empty(_) | Ast::Flags(_) => 0,
        Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_) => 1,
        Ast::Group(group) => of(&group.ast),
        Ast::Repetition(repetition) => {
            of(&repetition.ast).saturating_mul(times(&repetition.op.kind))
        }
        Ast::Alternation(all) => sum(&all.asts),
        Ast::Concat(all) => sum(&all.asts),
    }
}

fn sum(all: &[Ast]) -> u64 {
    all.iter().map(of).fold(0, u64::saturating_add)
}

fn times(kind: &RepetitionKind) -> u64 {
    match kind {
        RepetitionKind::Range(
            RepetitionRange::Exactly(most) | RepetitionRange::Bounded(_, most),
        ) => u64::from(*most),
        RepetitionKind::Range(RepetitionRange::AtLeast(least)) => u64::from(*least) + 1,
        RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
    }
}

/// Of a pattern that only the validator can read, after it has rewritten it: about as many as fit
/// into the bytes that a compiled pattern may have.
const UNREAD: u64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repetitions_are_written_out() {
        for (pattern, count) in [
            ("", 0),
            ("abc", 3),
            ("^[a-z]+\\d*$", 4),
            ("(ab|c){10}", 30),
            ("(a{1,1000}){2,}", 3000),
            ("\\cA", UNREAD),
        ] {
            assert_eq!(positions(pattern), count, "{pattern}");
        }
        assert_eq!(positions("((((a{4000000000}){4000000000}){4000000000}))"), u64::MAX);
    }

    proptest! {
        #[test]
        fn counting_never_panics(pattern in "[a-c()\\[\\]{}|*+?,0-9\\\\^$.]{0,30}") {
            let _ = positions(&pattern);
        }
    }
}
