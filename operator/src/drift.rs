//! Whether an object is as the operator set it. Pure.
//!
//! Two questions, because server-side apply answers only the first: does everything that we set still hold, and
//! has somebody added something inside the parts that we own? The second is read from `metadata.managedFields`,
//! where the API server keeps who set which field; defaults, which it fills in itself, are in nobody's list.

use crds::Quantity;
use serde_json::{Map, Value};

use crate::build::names::MANAGER;

/// Whether all that `wanted` sets is in `live`, lists whole and in order. Fields that `wanted` does not name may be
/// anything: the API server's defaults are among them.
pub fn holds(wanted: &Value, live: &Value) -> bool {
    let (Some(wanted), Some(live)) = (wanted.as_object(), live.as_object()) else {
        return false;
    };
    wanted.iter().all(|(key, value)| match key.as_str() {
        "metadata" => metadata_holds(value, live.get(key).unwrap_or(&Value::Null)),
        _ => live.get(key).is_some_and(|there| value_holds(value, there)),
    })
}

/// Owners that others added are theirs; ours must be among them.
fn metadata_holds(wanted: &Value, live: &Value) -> bool {
    let owners_hold = wanted["ownerReferences"].as_array().into_iter().flatten().all(|owner| {
        live["ownerReferences"].as_array().into_iter().flatten().any(|there| value_holds(owner, there))
    });
    let rest = wanted.as_object().into_iter().flatten().filter(|(key, _)| key.as_str() != "ownerReferences");
    owners_hold && rest.into_iter().all(|(key, value)| value_holds(value, &live[key.as_str()]))
}

fn value_holds(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), _) => {
            wanted.iter().all(|(key, value)| value_holds(value, &live[key.as_str()]))
        }
        (Value::Array(wanted), Value::Array(live)) => {
            wanted.len() == live.len()
                && wanted.iter().zip(live).all(|(wanted, live)| value_holds(wanted, live))
        }
        (Value::Array(wanted), Value::Null) => wanted.is_empty(),
        (Value::String(wanted), Value::String(live)) => wanted == live || same_quantity(wanted, live),
        _ => wanted == live,
    }
}

/// The API server writes quantities in its own way: 1000m comes back as 1.
fn same_quantity(one: &str, other: &str) -> bool {
    let milli = |text: &str| Quantity::new(text).milli();
    milli(one).is_some() && milli(one) == milli(other)
}

/// Fields that others added inside the parts that the operator owns, as paths for people; labels and annotations
/// are everybody's, and subresources (status, scale) belong to their controllers.
pub fn additions(wanted: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for entry in live["metadata"]["managedFields"].as_array().into_iter().flatten() {
        let foreign = entry["manager"].as_str() != Some(MANAGER);
        let on_object = entry["subresource"].as_str().unwrap_or_default().is_empty();
        if let (true, true, Some(fields)) = (foreign, on_object, entry["fieldsV1"].as_object()) {
            for (key, below) in fields {
                if key != "f:metadata" && key != "f:status" {
                    walk(key, below, Some(wanted), "", &mut found);
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Follows one key of a field set (<https://kubernetes.io/docs/reference/using-api/server-side-apply/>: `f:` a
/// field, `k:` a list item by its keys, `v:` a list item by its value, `.` the thing itself).
fn walk(key: &str, below: &Value, wanted: Option<&Value>, path: &str, found: &mut Vec<String>) {
    let (mark, name) = key.split_once(':').unwrap_or((key, ""));
    if mark == "." {
        return;
    }
    let here = match mark {
        "f" => format!("{path}.{name}"),
        _ => format!("{path}[{name}]"),
    };
    if is_template_metadata(&here) {
        return;
    }
    let Some(wanted) = wanted.and_then(|value| step(value, mark, name)) else {
        found.push(here.trim_start_matches('.').to_owned());
        return;
    };
    for (key, below) in below.as_object().into_iter().flatten() {
        walk(key, below, Some(wanted), &here, found);
    }
}

/// `kubectl rollout restart` writes an annotation into the pod template: it is asked for, and stays.
fn is_template_metadata(path: &str) -> bool {
    path == ".spec.template.metadata"
}

fn step<'a>(value: &'a Value, mark: &str, name: &str) -> Option<&'a Value> {
    match mark {
        "f" => value.get(name),
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(name).ok()?;
            value.as_array()?.iter().find(|item| keys.iter().all(|(key, value)| &item[key.as_str()] == value))
        }
        "v" => {
            let wanted: Value = serde_json::from_str(name).ok()?;
            value.as_array()?.iter().find(|item| **item == wanted)
        }
        _ => None,
    }
}

/// The object that takes out what others added: what we want, and of what is there only what is everybody's.
pub fn without_additions(wanted: &Value, live: &Value) -> Value {
    let mut object = wanted.clone();
    object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
    for list in ["finalizers", "ownerReferences"] {
        if !live["metadata"][list].is_null() {
            object["metadata"][list] = live["metadata"][list].clone();
        }
    }
    keep_others(&mut object["metadata"], &live["metadata"]);
    if !object["spec"]["template"].is_null() {
        keep_others(&mut object["spec"]["template"]["metadata"], &live["spec"]["template"]["metadata"]);
    }
    object
}

fn keep_others(wanted: &mut Value, live: &Value) {
    for map in ["labels", "annotations"] {
        for (key, value) in live[map].as_object().into_iter().flatten() {
            if wanted[map][key.as_str()].is_null() {
                wanted[map][key.as_str()] = value.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests;
