//! What the syntax tree says: how long functions are, who unwraps, who asserts a proof.
//!
//! Test code is passed over: `#[test]` functions, `#[cfg(test)]` items and the files of such
//! modules, and what lies under `tests/`, `examples/` or `benches/`.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ExprCall, ExprMethodCall, ImplItemFn, Item, ItemFn, Local, Signature};

use crate::tree::{Text, files, host_sources};
use crate::{assert_bites, assert_clean};

/// Lines of a function: what fits a screen.
const FUNCTION_LINES_MAX: usize = 70;

/// Where each proof may be claimed, by the start of the path. Everywhere else, having the value
/// is the proof.
const PINS: [(&str, &[&str]); 8] = [
    ("Received", &["gateway/server/src/intake.rs"]),
    ("Verified", &["gateway/admission/src/prove.rs"]),
    ("Validated", &["gateway/admission/src/"]),
    ("Routed", &["gateway/server/src/routes/resolve.rs"]),
    ("Receipt", &["gateway/queue/src/writer/postman.rs"]),
    ("Received::stored", &["gateway/server/src/refused/release.rs"]),
    ("Verified::stored", &["gateway/server/src/jobs/again.rs"]),
    ("Validated::stored", &["gateway/server/src/jobs/again.rs"]),
];

/// Something seen in code that is not test code.
enum Seen {
    Function { name: String, lines: usize },
    Unwrap { method: String },
    Claim { proof: String },
}

/// Collects from one file what the rules ask about.
#[derive(Default)]
struct Walker {
    seen: Vec<(usize, Seen)>,
    /// How many enclosing places carry a lint expectation with its reason.
    excused: usize,
}

/// What stands in one file outside its tests, with line numbers.
fn seen(file: &Text) -> Vec<(usize, Seen)> {
    let mut walker = Walker::default();
    walker.visit_file(&parsed(file));
    walker.seen
}

fn parsed(file: &Text) -> syn::File {
    syn::parse_file(&file.content)
        .unwrap_or_else(|fault| panic!("{} does not parse: {fault}", file.path))
}

/// The files that are not test code as a whole.
fn product(files: &[Text]) -> Vec<&Text> {
    let test_modules: Vec<String> = files.iter().flat_map(test_modules).collect();
    let is_test = |path: &str| {
        let folders = ["tests", "examples", "benches"];
        path.split('/').rev().skip(1).any(|folder| folders.contains(&folder))
            || test_modules.iter().any(|module| {
                let rest = path.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            })
    };
    files.iter().filter(|file| !is_test(&file.path)).collect()
}

/// The modules that a file declares with `#[cfg(test)] mod name;`, as paths without `.rs`.
fn test_modules(file: &Text) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let base = match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => file.path.trim_end_matches(".rs").to_owned(),
    };
    let items = parsed(file).items.into_iter();
    let modules = items.filter_map(|item| match item {
        Item::Mod(item) if item.content.is_none() && is_test(&item.attrs) => Some(item.ident),
        _ => None,
    });
    modules.map(|name| format!("{base}/{name}")).collect()
}

fn line(span: Span) -> usize {
    span.start().line
}

/// `#[test]`, `#[tokio::test]`, or `#[cfg(test)]` and `#[cfg(all(test, ...))]`.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        let named_test = path.segments.last().is_some_and(|last| last.ident == "test");
        let text = attribute.meta.require_list().map(|list| list.tokens.to_string());
        let for_tests = path.is_ident("cfg")
            && text.is_ok_and(|text| {
                text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test")
                    && !text.starts_with("not")
            });
        named_test || for_tests
    })
}

/// `#[expect(clippy::unwrap_used, reason = "...")]` and the like: the invariant is written down.
fn is_excused(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("expect")
            && attribute.meta.require_list().is_ok_and(|list| {
                let text = list.tokens.to_string();
                (text.contains("unwrap_used") || text.contains("expect_used"))
                    && text.contains("reason")
            })
    })
}

impl Walker {
    fn within(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let excused = usize::from(is_excused(attributes));
        self.excused += excused;
        visit(self);
        self.excused -= excused;
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let first = line(signature.fn_token.span);
        let last = block.brace_token.span.close().end().line;
        let name = signature.ident.to_string();
        self.seen.push((first, Seen::Function { name, lines: last - first + 1 }));
    }
}

impl<'ast> Visit<'ast> for Walker {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            self.within(attributes, |walker| visit::visit_item(walker, item));
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if is_test(&item.attrs) {
            return;
        }
        self.function(&item.sig, &item.block);
        self.within(&item.attrs, |walker| visit::visit_impl_item_fn(walker, item));
    }

    fn visit_local(&mut self, local: &'ast Local) {
        self.within(&local.attrs, |walker| visit::visit_local(walker, local));
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.within(&call.attrs, |walker| {
            let method = call.method.to_string();
            let text = call.args.first().is_some_and(is_text);
            let unwraps = match method.as_str() {
                "unwrap" | "unwrap_err" => call.args.is_empty(),
                "expect" | "expect_err" => text,
                _ => false,
            };
            if unwraps && walker.excused == 0 {
                walker.seen.push((line(call.method.span()), Seen::Unwrap { method }));
            }
            visit::visit_expr_method_call(walker, call);
        });
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let syn::Expr::Path(function) = &*call.func {
            let names: Vec<String> =
                function.path.segments.iter().map(|part| part.ident.to_string()).collect();
            if let [.., proof, last] = names.as_slice()
                && ["assertion", "stored"].contains(&last.as_str())
            {
                let proof =
                    if last == "stored" { format!("{proof}::stored") } else { proof.clone() };
                self.seen.push((line(call.paren_token.span.open()), Seen::Claim { proof }));
            }
        }
        visit::visit_expr_call(self, call);
    }
}

fn is_text(argument: &syn::Expr) -> bool {
    matches!(argument, syn::Expr::Lit(lit) if matches!(lit.lit, syn::Lit::Str(_)))
}

fn long_functions(files: &[Text]) -> Vec<String> {
    complaints(files, |_, seen| match seen {
        Seen::Function { name, lines } if *lines > FUNCTION_LINES_MAX => {
            Some(format!("{name} has {lines} lines"))
        }
        _ => None,
    })
}

fn unwraps(files: &[Text]) -> Vec<String> {
    complaints(files, |_, seen| match seen {
        Seen::Unwrap { method } => Some(format!("{method} outside tests, without its invariant")),
        _ => None,
    })
}

fn unpinned_claims(files: &[Text]) -> Vec<String> {
    complaints(files, |path, seen| {
        let Seen::Claim { proof } = seen else { return None };
        let (_, pins) = PINS.iter().find(|(name, _)| name == proof)?;
        let pinned = pins.iter().any(|start| path.starts_with(start));
        (!pinned).then(|| format!("{proof} must not be claimed here: only in {pins:?}"))
    })
}

/// Each complaint of a rule with its file and line.
fn complaints(files: &[Text], rule: impl Fn(&str, &Seen) -> Option<String>) -> Vec<String> {
    let mut all = Vec::new();
    for file in product(files) {
        for (line, seen) in seen(file) {
            let complaint = rule(&file.path, &seen);
            all.extend(complaint.map(|text| format!("{}:{line}: {text}", file.path)));
        }
    }
    all
}

fn example(path: &str, content: &str) -> Vec<Text> {
    vec![Text { path: path.into(), content: content.into() }]
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let of = |lines: usize| format!("impl X {{ fn f() {{\n{}}} }}\n", "g();\n".repeat(lines - 2));
    let judge = |text: &str| long_functions(&example("gateway/x/src/a.rs", text));
    assert_bites(&judge(&of(72)), &judge(&of(70)));
    assert_eq!(judge(&format!("#[cfg(test)]\nmod tests {{ {} }}", of(90))), [""; 0]);
    assert_clean(&long_functions(&files(".rs")));
}

#[test]
fn nothing_unwraps_outside_tests_without_its_invariant() {
    let judge = |text: &str| unwraps(&example("gateway/x/src/a.rs", text));
    let excused = "fn f() { #[expect(clippy::unwrap_used, reason = \"checked above\")]\n\
        let x = y.unwrap(); parser.expect(Token::Comma); }";
    assert_bites(&judge("fn f() { if a { b.unwrap(); } }"), &judge(excused));
    assert_bites(&judge("fn f() { b.expect(\"why\"); }"), &judge("fn f() { b.unwrap_or(1); }"));
    assert_bites(
        &judge("#[cfg(not(test))]\nfn f() { b.unwrap(); }"),
        &judge("#[test]\nfn f() { b.unwrap(); }\n#[cfg(test)]\nmod t { fn f() { b.unwrap() } }"),
    );
    let declared = "#[cfg(test)]\nmod torn;\nmod real;";
    let module = |name: &str| {
        let mut files = example("gateway/x/src/disk/mod.rs", declared);
        files.extend(example(&format!("gateway/x/src/disk/{name}.rs"), "fn f() { b.unwrap(); }"));
        files
    };
    assert_bites(&unwraps(&module("real")), &unwraps(&module("torn")));
    assert_clean(&unwraps(&host_sources()));
}

#[test]
fn proofs_are_claimed_only_in_their_pinned_places() {
    let claim = "fn f() { proof::Verified::assertion(a, b, c); }";
    assert_bites(
        &unpinned_claims(&example("gateway/sources/src/http.rs", claim)),
        &unpinned_claims(&example("gateway/admission/src/prove.rs", claim)),
    );
    let receipt = "fn f() { Receipt::assertion(id, repeat) }";
    assert_bites(
        &unpinned_claims(&example("gateway/server/src/pipeline.rs", receipt)),
        &unpinned_claims(&example("gateway/queue/src/writer/postman.rs", receipt)),
    );
    let stored = "fn f() { Validated::stored(event, verdict) }";
    assert_bites(
        &unpinned_claims(&example("gateway/admission/src/admission.rs", stored)),
        &unpinned_claims(&example("gateway/server/src/jobs/again.rs", stored)),
    );
    assert_clean(&unpinned_claims(&host_sources()));
}
