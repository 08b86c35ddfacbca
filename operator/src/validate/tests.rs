use serde_json::{Value, json};

use super::*;
use crate::samples::{full, images, lab, minimal, validated};

#[test]
fn fills_every_gap_of_a_minimal_lab() {
    let lab = validated(&minimal());
    assert_eq!(lab.kafka.image, "docker.io/apache/kafka:4.1.0");
    assert_eq!(lab.kafka.storage, Storage::Claim("5Gi".to_owned()));
    assert_eq!(lab.kafka.heap_mebibytes, 256);
    assert_eq!(lab.registry.heap_mebibytes, 170);
    assert!(lab.services.running);
    assert_eq!(lab.services.quotation.quote_validity, "30d");
    assert_eq!(lab.services.souscription.limits.memory, Quantity::new("192Mi"));
    assert!(!lab.host_access.enabled);
    assert_eq!(lab.host_access.kafka_port, 9092);
    assert_eq!(lab.owner.controller, Some(true));
}

#[test]
fn takes_what_a_full_lab_says() {
    let lab = validated(&full());
    assert_eq!(lab.kafka.storage, Storage::Ephemeral("8Gi".to_owned()));
    assert_eq!(lab.kafka.heap_mebibytes, 512);
    assert_eq!(lab.kafka.resources.limits.cpu, Quantity::new("3"));
    assert_eq!(lab.registry.image, "mirror.example/hub/apicurio/apicurio-registry:3.3.3");
    assert!(!lab.services.running);
    assert_eq!(lab.services.souscription.limits.cpu, Quantity::new("500m"));
    assert_eq!(lab.host_access.kafka_port, 10092);
    assert_eq!(lab.pull_secrets, ["mirror-login"]);
}

#[test]
fn a_components_own_image_wins_over_the_registry_and_that_over_the_default() {
    let cases = [
        (Some("own/kafka:1"), "docker.io/apache/kafka:4", Some("mirror"), "own/kafka:1"),
        (None, "docker.io/apache/kafka:4", Some("mirror:5000/x"), "mirror:5000/x/apache/kafka:4"),
        (None, "localhost/kafka:4", Some("mirror"), "mirror/kafka:4"),
        (None, "apache/kafka:4", Some("mirror"), "mirror/apache/kafka:4"),
        (None, "edalab.local/kafka@sha256:00", None, "edalab.local/kafka@sha256:00"),
    ];
    for (own, related, registry, wanted) in cases {
        assert_eq!(image("kafka", own, related, registry).as_deref(), Ok(wanted));
    }
}

#[test]
fn a_default_gives_way_to_what_was_asked() {
    let cases = [
        // (asked, request, limit) of memory; the defaults are 512Mi and 768Mi
        (json!({ "requests": { "memory": "2Gi" } }), "2Gi", "2Gi"),
        (json!({ "limits": { "memory": "512Mi" } }), "512Mi", "512Mi"),
        (json!({ "limits": { "memory": "2Gi" } }), "512Mi", "2Gi"),
        (json!({}), "512Mi", "768Mi"),
    ];
    for (asked, request, limit) in cases {
        let lab = validated(&lab(&json!({ "kafka": { "resources": asked } })));
        assert_eq!(lab.kafka.resources.requests.memory, Quantity::new(request), "{asked}");
        assert_eq!(lab.kafka.resources.limits.memory, Quantity::new(limit), "{asked}");
    }
}

#[test]
fn says_what_keeps_a_lab_from_being_built() {
    let named = |name: &str| {
        let mut lab = minimal();
        lab.metadata.name = Some(name.to_owned());
        lab
    };
    let quantity: Value = json!({ "kafka": { "resources": { "limits": { "memory": "lots" } } } });
    let offset = json!({ "hostAccess": { "portOffset": 60000 } });
    let cases = [
        (named("1lab"), images(), "InvalidName"),
        (named("a.b"), images(), "InvalidName"),
        (named("lab-"), images(), "InvalidName"),
        (named(&"a".repeat(36)), images(), "InvalidName"),
        (lab(&quantity), images(), "InvalidQuantity"),
        (lab(&offset), images(), "InvalidPortOffset"),
        (minimal(), RelatedImages::default(), "NoImage"),
    ];
    for (lab, images, reason) in cases {
        let error = validate(&lab, &images).expect_err(reason);
        assert_eq!(error.reason(), reason);
    }
}
