//! The two messages of the control channel: JSON, as [`crate::control`] has it.

use serde_json::{Value as Json, json};

use super::BINDING_VERSION;
use crate::{Service, TopicName, control::Scenario, topics};

/// The message on a control topic, by its name.
pub(super) fn name(topic: TopicName) -> Option<&'static str> {
    match topic {
        topics::CONTROL => Some("Control"),
        topics::CONTROL_ACK => Some("ControlAck"),
        _ => None,
    }
}

/// What a control topic is for.
pub(super) fn about(topic: TopicName) -> String {
    let about = if topic == topics::CONTROL {
        "What is set for the whole lab while it runs: one record, which the operator writes from the EdaLab's scenario and \
         simulation, and which every service follows."
    } else {
        "Each service's answer to the record on edalab.control: what is in force there."
    };
    about.to_owned()
}

/// The message on a control topic.
pub(super) fn message(topic: TopicName, name: &str) -> Json {
    let (key, payload) = if topic == topics::CONTROL {
        (json!({ "type": "string", "const": crate::control::KEY }), control())
    } else {
        (json!({ "type": "string", "description": "The service's name." }), answer())
    };
    json!({
        "name": name,
        "title": name,
        "summary": about(topic),
        "contentType": "application/json",
        "payload": payload,
        "bindings": { "kafka": { "key": key, "bindingVersion": BINDING_VERSION } },
    })
}

fn control() -> Json {
    json!({
        "type": "object",
        "required": ["id", "generation", "scenario", "simulation"],
        "properties": {
            "id": id("New for every change: what an answer is about."),
            "generation": {
                "type": "integer",
                "description": "metadata.generation of the EdaLab that it was made from.",
            },
            "scenario": { "type": "string", "enum": Scenario::ALL.map(Scenario::as_str) },
            "simulation": {
                "type": "object",
                "required": ["running", "eventsPerSecond"],
                "properties": {
                    "running": { "type": "boolean" },
                    "eventsPerSecond": { "type": "integer", "minimum": 1, "maximum": 1000 },
                },
            },
            "peak": {
                "type": "object",
                "description": "The peak that PIC_CHARGE asks for, also when it is over.",
                "required": ["run", "factor", "start", "end"],
                "properties": {
                    "run": { "type": "integer", "description": "The counter by which it was asked for." },
                    "factor": { "type": "integer", "description": "What eventsPerSecond is multiplied by." },
                    "start": time("From when."),
                    "end": time("Until before when."),
                },
            },
            "errorPercent": {
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "description": "Of a hundred events of the simulation, those that are mistakes in ERREURS.",
            },
            "slow": {
                "type": "object",
                "description": "Who is slow in CONSOMMATEUR_LENT.",
                "required": ["service", "delayMilliseconds"],
                "properties": {
                    "service": service(),
                    "delayMilliseconds": { "type": "integer", "description": "What each event takes longer." },
                },
            },
            "down": service(),
        },
    })
}

fn service() -> Json {
    json!({ "type": "string", "enum": Service::ALL.map(Service::as_str) })
}

fn answer() -> Json {
    json!({
        "type": "object",
        "required": ["service", "instance", "control", "appliedAt"],
        "properties": {
            "service": { "type": "string" },
            "instance": { "type": "string", "description": "The pod." },
            "control": id("The record that is in force there."),
            "appliedAt": time("Since when."),
        },
    })
}

fn id(about: &str) -> Json {
    json!({ "type": "string", "format": "uuid", "description": about })
}

fn time(about: &str) -> Json {
    json!({ "type": "string", "format": "date-time", "description": about })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::control::{Control, ControlAck, Peak, Simulation, Slow};

    /// The names below a description, and those below a record, one level after the other.
    fn fields(described: bool, value: &Json) -> Vec<String> {
        let map = if described { &value["properties"] } else { value };
        let mut names: Vec<String> = map
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(|(name, value)| {
                let below = fields(described, value).into_iter().map(move |below| format!("{name}.{below}"));
                std::iter::once(name.clone()).chain(below)
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_record_has_the_fields_that_are_described() {
        let now = Timestamp::UNIX_EPOCH;
        let record = Control {
            id: Uuid::nil(),
            generation: 1,
            scenario: Scenario::PicCharge,
            simulation: Simulation { running: true, events_per_second: 5 },
            peak: Some(Peak { run: 1, factor: 10, start: now, end: now }),
            error_percent: Some(10),
            slow: Some(Slow { service: Service::Reclamation, delay_milliseconds: 500 }),
            down: Some(Service::Reclamation),
        };
        let record = serde_json::to_value(record).expect("JSON");
        assert_eq!(fields(true, &control()), fields(false, &record));
        let given = ControlAck {
            service: "quotation".to_owned(),
            instance: "lab-quotation-0".to_owned(),
            control: Uuid::nil(),
            applied_at: now,
        };
        let given = serde_json::to_value(given).expect("JSON");
        assert_eq!(fields(true, &answer()), fields(false, &given));
    }
}
