//! From a file to a plan: parse, hold against the schema, then against the world.

use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sluicegate_core::time::Clock;

use super::check::check;
use super::document::Document;
use super::fault::{ConfigFault, ConfigFaults};
use super::plan::Plan;
use super::published::Published;
use super::shape::{Config, json_schema};

/// Reads and checks a configuration. The plan knows the faults that were found; the rooms that are
/// built from it find the rest.
///
/// # Errors
/// When so much is wrong that there is nothing to build.
pub fn load(file: &Path, clock: &Clock) -> Result<Plan, ConfigFaults> {
    let one = |fault| ConfigFaults::new(file, vec![fault]);
    let text = std::fs::read_to_string(file).map_err(|fault| one(unreadable(&fault)))?;
    let document = Document::parse(&text).map_err(one)?;
    let violations = against(json_schema(), &document);
    let faults = violations.iter().map(|(_, fault)| fault.clone()).collect();
    let config = match read_what_is_right(&document.value, &violations) {
        Some(config) => config,
        None => return Err(ConfigFaults::new(file, faults)),
    };
    // What the schema found and what the world says are told in one go.
    Ok(check(file, document, &config, clock, faults))
}

/// Reads another kind of YAML file, whole and without faults, by the schema of its type.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn read_as<T: DeserializeOwned + JsonSchema>(file: &Path) -> Result<T, ConfigFaults> {
    let one = |fault| ConfigFaults::new(file, vec![fault]);
    let text = std::fs::read_to_string(file).map_err(|fault| one(unreadable(&fault)))?;
    let document = Document::parse(&text).map_err(one)?;
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    let faults = against(schema.to_value(), &document);
    if !faults.is_empty() {
        let faults = faults.into_iter().map(|(_, fault)| fault).collect();
        return Err(ConfigFaults::new(file, faults));
    }
    serde_json::from_value(document.value.clone())
        .map_err(|fault| one(document.fault("", "config_shape", fault.to_string())))
}

/// Reads the configuration without the parts that break the schema, so that the rest is still
/// held against the world. `None` if what is left cannot be read.
fn read_what_is_right(value: &Value, violations: &[(String, ConfigFault)]) -> Option<Config> {
    let mut pointers: Vec<String> = violations.iter().map(|(at, _)| at.clone()).collect();
    loop {
        let mut value = value.clone();
        // From the back, so that positions in lists stay what they are.
        pointers.sort_by(|a, b| b.cmp(a));
        pointers.iter().for_each(|pointer| remove(&mut value, pointer));
        if let Ok(config) = serde_json::from_value(value) {
            return Some(config);
        }
        // Something needed went with it: take away what needed it.
        for pointer in &mut pointers {
            pointer.truncate(pointer.rfind('/')?);
        }
        if pointers.iter().all(String::is_empty) {
            return None;
        }
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((above, key)) = pointer.rsplit_once('/') else { return };
    match value.pointer_mut(above) {
        Some(Value::Object(map)) => {
            map.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(list)) => {
            if let Ok(at) = key.parse::<usize>()
                && at < list.len()
            {
                list.remove(at);
            }
        }
        _ => {}
    }
}

fn unreadable(fault: &std::io::Error) -> ConfigFault {
    ConfigFault {
        line: 0,
        path: String::new(),
        code: "config_unreadable",
        message: format!("cannot read this file: {fault}"),
    }
}

/// What breaks the schema: where, as a JSON Pointer, and the fault.
fn against(schema: Value, document: &Document) -> Vec<(String, ConfigFault)> {
    let published = match Published::new(schema) {
        Ok(published) => published,
        Err(fault) => {
            let fault = document.fault("", "config_shape", fault.to_string());
            return vec![(String::new(), fault)];
        }
    };
    let violations = published.violations(&document.value, FAULTS_MAX).into_iter();
    let told = violations.map(|violation| {
        let fault = document.fault(&violation.instance, "config_shape", violation.message);
        (violation.instance, fault)
    });
    told.collect()
}

/// Faults told at once: a file with more is better read from the top.
const FAULTS_MAX: usize = 200;
