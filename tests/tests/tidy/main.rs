//! The house rules that no compiler checks, each as a test with its own name.
//!
//! A rule is a function from text to complaints. Each is shown a tiny bad example before it judges
//! the tree, so that a rule that has stopped biting fails as well.

mod arrows;
mod codes;
mod layout;
mod published;
mod source;
mod tokens;
mod tree;

/// Fails with every complaint, one a line.
#[track_caller]
fn assert_clean(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Fails unless the rule complains about its bad example once, and never about its good one.
#[track_caller]
fn assert_bites(bad: &[String], good: &[String]) {
    assert_eq!(bad.len(), 1, "about the bad example: {bad:?}");
    assert_eq!(good, &[] as &[String], "about the good example");
}
