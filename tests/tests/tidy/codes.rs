//! Every stable code that a person can meet has a page in `gateway/docs/ERRORS.md`.

use std::collections::BTreeSet;
use std::fs;

use sluicegate_tests::fixtures::root;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprCall, ExprMethodCall, FieldValue, ImplItemFn, ItemFn, ItemImpl, ItemMod, Lit,
    LitStr, Member,
};

use crate::tree::{Text, host_sources};
use crate::{assert_bites, assert_clean};

/// Types whose `code` is a word for metrics and names no fault.
const NO_FAULTS: [&str; 3] = ["Decision", "DropCause", "Outcome"];

/// Collects codes: the texts that a function called `code` returns, the second argument of a call
/// of `problem` or `fault`, and what is written into a field `code`.
#[derive(Default)]
struct Codes {
    found: BTreeSet<String>,
}

/// The texts in a block.
#[derive(Default)]
struct Texts(Vec<String>);

impl<'ast> Visit<'ast> for Texts {
    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.0.push(text.value());
    }
}

impl Codes {
    fn argument(&mut self, called: &str, argument: Option<&Expr>) {
        if ["problem", "fault"].contains(&called) {
            self.found.extend(argument.and_then(text));
        }
    }

    fn function(&mut self, name: &str, block: &Block) {
        if name == "code" {
            let mut texts = Texts::default();
            texts.visit_block(block);
            self.found.extend(texts.0);
        }
    }
}

impl<'ast> Visit<'ast> for Codes {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let of = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        if of.is_none_or(|of| !NO_FAULTS.contains(&of.as_str())) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig.ident.to_string(), &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig.ident.to_string(), &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let called = match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        self.argument(called.as_deref().unwrap_or_default(), call.args.get(1));
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.argument(&call.method.to_string(), call.args.get(1));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_field_value(&mut self, field: &'ast FieldValue) {
        if matches!(&field.member, Member::Named(name) if name == "code") {
            self.found.extend(text(&field.expr));
        }
        visit::visit_field_value(self, field);
    }
}

/// Codes are words joined by `_`; a message has spaces.
fn is_code(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()).filter(|text| is_code(text)),
            _ => None,
        },
        _ => None,
    }
}

fn codes(files: &[Text]) -> BTreeSet<String> {
    let mut codes = Codes::default();
    for file in files.iter().filter(|file| !file.path.contains("/tests/")) {
        codes.visit_file(&syn::parse_file(&file.content).unwrap());
    }
    codes.found
}

/// Codes without a heading of their own: `## \`queue_full\``.
fn undocumented(codes: &BTreeSet<String>, manual: &str) -> Vec<String> {
    let headings: BTreeSet<&str> = manual
        .lines()
        .filter(|line| line.starts_with('#'))
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    let missing = codes.iter().filter(|code| !headings.contains(code.as_str()));
    missing.map(|code| format!("{code} has no heading in gateway/docs/ERRORS.md")).collect()
}

#[test]
fn every_code_that_a_person_can_meet_has_a_heading_in_the_manual() {
    let example = [Text {
        path: "gateway/x/src/a.rs".into(),
        content: "impl Fault { fn code(&self) -> &'static str { match self { A => \"a_b\" } } }\n\
            impl Decision { fn code(&self) -> &'static str { \"next\" } }\n\
            fn f() { Reply::problem(404, \"c_d\", \"text\"); self.fault(at, \"e_f\", why); }"
            .into(),
    }];
    let found = codes(&example);
    assert_eq!(found.iter().collect::<Vec<_>>(), ["a_b", "c_d", "e_f"]);
    let good = undocumented(&found, "# Errors\n## `a_b`\ntext\n## `c_d`\n### e_f\n");
    assert_bites(&undocumented(&found, "# Errors\n## `a_b`\nc_d\n## `e_f`\n"), &good);

    let found = codes(&host_sources());
    assert!(found.contains("signature_refused"), "the rule has stopped finding codes: {found:?}");
    let manual = fs::read_to_string(root().join("gateway/docs/ERRORS.md"))
        .expect("gateway/docs/ERRORS.md is the manual of codes");
    assert_clean(&undocumented(&found, &manual));
}
