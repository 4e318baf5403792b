//! Turns what the validator says into violations: places as JSON Pointers, and no values, since
//! they would end up in logs and answers.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;
use sluicegate_core::refusal::Violation;

/// At most `max` violations of the value.
pub(crate) fn collect<'v>(
    value: &Value,
    errors: impl Iterator<Item = ValidationError<'v>>,
    max: usize,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for error in errors.take(max) {
        push(value, &error, &mut violations);
        if violations.len() >= max {
            violations.truncate(max);
            break;
        }
    }
    violations
}

fn push(value: &Value, error: &ValidationError<'_>, out: &mut Vec<Violation>) {
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            out.extend(unexpected.iter().map(|key| unexpected_key(error, key)));
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            match nearest(error, context) {
                Some(branch) => branch.iter().for_each(|error| push(value, error, out)),
                None => out.push(violation(error)),
            }
        }
        // `additionalProperties: false` beside no other keyword is told as one fault of the object.
        Kind::FalseSchema if error.schema_path().as_str().ends_with("/additionalProperties") => {
            match value.pointer(error.instance_path().as_str()).and_then(Value::as_object) {
                Some(object) => out.extend(object.keys().map(|key| unexpected_key(error, key))),
                None => out.push(violation(error)),
            }
        }
        _ => out.push(violation(error)),
    }
}

/// The branch that the value was meant for: the only one that fails deeper inside the value than
/// at the value itself. Its faults say more than "none of them".
fn nearest<'e>(
    error: &ValidationError<'_>,
    context: &'e [Vec<ValidationError<'static>>],
) -> Option<&'e [ValidationError<'static>]> {
    let here = error.instance_path().as_str().len();
    let inside = |branch: &&Vec<ValidationError<'static>>| {
        !branch.is_empty() && branch.iter().all(|e| is_inside(e, here))
    };
    let mut branches = context.iter().filter(inside);
    let only = branches.next()?;
    branches.next().is_none().then_some(only.as_slice())
}

fn is_inside(error: &ValidationError<'_>, here: usize) -> bool {
    let unexpected = matches!(
        error.kind(),
        Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. }
    );
    unexpected || error.instance_path().as_str().len() > here
}

fn violation(error: &ValidationError<'_>) -> Violation {
    Violation {
        instance: error.instance_path().as_str().into(),
        schema: error.schema_path().as_str().into(),
        keyword: error.kind().keyword().into(),
        message: error.masked().to_string(),
    }
}

/// The place of an unexpected key is the key itself, so that it can be found in a file.
fn unexpected_key(error: &ValidationError<'_>, key: &str) -> Violation {
    let escaped = key.replace('~', "~0").replace('/', "~1");
    Violation {
        keyword: error.schema_path().as_str().rsplit('/').next().unwrap_or_default().into(),
        instance: format!("{}/{escaped}", error.instance_path().as_str()),
        message: "key is not expected here".into(),
        ..violation(error)
    }
}
