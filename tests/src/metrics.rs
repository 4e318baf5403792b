//! What `/metrics` says.

use crate::gateway::Gateway;

/// The value of the series that is written so, labels included.
///
/// # Panics
/// When there is no such series.
#[must_use]
pub fn value(gateway: &Gateway, series: &str) -> f64 {
    let page = gateway.admin_get("/metrics").text();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or_else(|| panic!("no series {series} in:\n{page}"))
}
