//! Which versions of plugins are in place, how plugins stand, and what came of shadows.

use sluicegate_filters::SlotView;

use crate::metrics::{Kind, Page};

/// Writes what is known of every plugin.
pub(super) fn write(page: &mut Page, views: &[SlotView]) {
    write_places(page, views);
    write_standings(page, views);
    let (name, help) = ("sluicegate_plugin_swaps_total", "Versions put in place.");
    page.begin(name, help, Kind::Counter);
    for view in views {
        page.counter(name, help, &[("plugin", plugin(view))], view.swaps);
    }
    let (name, help) = ("sluicegate_plugin_rollbacks_total", "Ways back to the version before.");
    page.begin(name, help, Kind::Counter);
    for view in views {
        page.counter(name, help, &[("plugin", plugin(view))], view.rollbacks);
    }
    let (name, help) = ("sluicegate_plugin_quarantined", "Versions that failed too often.");
    page.begin(name, help, Kind::Gauge);
    for view in views {
        page.gauge(name, help, &[("plugin", plugin(view))], view.quarantined.len() as f64);
    }
    write_shadows(page, views);
}

/// One sample of 1 for each version in place: its digest is a label.
fn write_places(page: &mut Page, views: &[SlotView]) {
    let (name, help) = ("sluicegate_plugin_version_info", "Versions in place.");
    page.begin(name, help, Kind::Gauge);
    for view in views {
        let places = [
            ("current", Some(&view.current)),
            ("previous", view.previous.as_ref()),
            ("shadow", view.shadow.as_ref()),
        ];
        for (place, version) in places {
            let Some(version) = version else { continue };
            let digest = version.digest().to_string();
            let labels = [("plugin", plugin(view)), ("place", place), ("digest", &digest)];
            page.gauge(name, help, &labels, 1.0);
        }
    }
}

/// One sample for each way to stand: 1 for the one that is so.
fn write_standings(page: &mut Page, views: &[SlotView]) {
    let (name, help) = ("sluicegate_plugin_standing", "How plugins stand.");
    page.begin(name, help, Kind::Gauge);
    for view in views {
        for standing in ["running", "open", "paused"] {
            let is = f64::from(u8::from(standing == view.standing.word()));
            page.gauge(name, help, &[("plugin", plugin(view)), ("standing", standing)], is);
        }
    }
}

fn write_shadows(page: &mut Page, views: &[SlotView]) {
    let (name, help) =
        ("sluicegate_plugin_shadow_total", "Events of shadows, by what came of them.");
    page.begin(name, help, Kind::Counter);
    for view in views {
        let Some(differences) = &view.differences else { continue };
        for (result, count) in [
            ("same", differences.compared.saturating_sub(differences.different)),
            ("different", differences.different),
            ("dropped", differences.dropped),
        ] {
            let labels = [("plugin", plugin(view)), ("result", result)];
            page.counter(name, help, &labels, count);
        }
    }
}

fn plugin(view: &SlotView) -> &str {
    view.current.name().as_str()
}
