//! What no token may say, in macros too: ignored tests, allowed lints, things left to do.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::tree::{Text, files};
use crate::{assert_bites, assert_clean};

/// Attributes that hide something.
const ATTRIBUTES: [&str; 2] = ["ignore", "allow"];

/// Macros that are not finished work.
const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Every complaint about one file. Comments and strings are not tokens, so they may say anything.
fn forbidden(file: &Text) -> Vec<String> {
    let tokens: TokenStream = file
        .content
        .parse()
        .unwrap_or_else(|fault| panic!("{} is not made of tokens: {fault}", file.path));
    let mut complaints = Vec::new();
    walk(tokens, &mut |line, what| complaints.push(format!("{}:{line}: {what}", file.path)));
    complaints
}

fn walk(tokens: TokenStream, complain: &mut impl FnMut(usize, String)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let line = token.span().start().line;
        match token {
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Bracket && is_attribute(&tokens[..at]) {
                    let hidden = hides(group.stream());
                    hidden.into_iter().for_each(|name| complain(line, format!("#[{name}]")));
                }
                walk(group.stream(), complain);
            }
            TokenTree::Ident(name) => {
                let name = name.to_string();
                let called = tokens.get(at + 1).is_some_and(|next| is_mark(next, '!'));
                if called && MACROS.contains(&name.as_str()) {
                    complain(line, format!("{name}!"));
                }
            }
            _ => {}
        }
    }
}

/// Whether a bracket after these tokens is an attribute: `#[` or `#![`.
fn is_attribute(before: &[TokenTree]) -> bool {
    match before {
        [.., hash, bang] if is_mark(bang, '!') => is_mark(hash, '#'),
        [.., hash] => is_mark(hash, '#'),
        [] => false,
    }
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// The forbidden attributes in the brackets: the first word, or any word within `cfg_attr`.
fn hides(attribute: TokenStream) -> Vec<String> {
    let mut words = words(attribute);
    if words.first().is_none_or(|first| first != "cfg_attr") {
        words.truncate(1);
    }
    words.retain(|word| ATTRIBUTES.contains(&word.as_str()));
    words
}

fn words(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(name) => found.push(name.to_string()),
            TokenTree::Group(group) => found.extend(words(group.stream())),
            _ => {}
        }
    }
    found
}

#[test]
fn no_test_is_ignored_no_lint_allowed_and_nothing_left_to_do() {
    let judge = |content: &str| {
        forbidden(&Text { path: "gateway/x/src/a.rs".into(), content: content.into() })
    };
    let good = judge(
        "//! #[ignore] in words\n#[expect(dead_code, reason = \"later\")]\n\
         fn allow() { ignore(\"#[allow(x)] todo!()\"); let a = [allow]; x != todo; }",
    );
    for bad in [
        "#[test]\n#[ignore]\nfn f() {}",
        "proptest! { #[test] #[ignore = \"slow\"] fn f(a: u8) {} }",
        "#![allow(dead_code)]",
        "#[cfg_attr(test, allow(dead_code))]\nfn f() {}",
        "fn f() { todo!() }",
        "fn f() { g(|| { dbg!(x) }) }",
    ] {
        assert_bites(&judge(bad), &good);
    }
    // What a generator writes in place of a macro cannot be held to our lints.
    let generated = |file: &&Text| file.content.contains("wit_bindgen::generate!");
    let all = files(".rs");
    let complaints: Vec<String> =
        all.iter().filter(|file| !generated(file)).flat_map(forbidden).collect();
    assert_clean(&complaints);
}
