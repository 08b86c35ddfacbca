//! What the definition's patterns and rules allow, and what they refuse.

use crate::cases::Texts;

/// Values on both sides of the bounds that patterns and rules set. The bounds are written down a second time here, on
/// purpose: a rule that is loosened by mistake is seen.
pub const TEXTS: &[Texts] = &[
    Texts {
        path: "kafka.storage.size",
        good: &["4Gi", "4096Mi", "1Ti", "1024Gi"],
        bad: &["4095Mi", "1025Gi", "2Ti", "0Gi", "1G", "Gi", "1.5Gi", "-1Gi", "1Gi ", ""],
        any_letters: false,
    },
    memory_limit("kafka.resources.limits.memory", &["512Mi", "64Gi"], &["511Mi", "65537Mi"]),
    memory_limit("schemaRegistry.resources.limits.memory", &["384Mi", "64Gi"], &["383Mi", "65537Mi"]),
    memory_limit("quotation.resources.limits.memory", &["64Mi", "64Gi"], &["63Mi", "65537Mi"]),
    memory_limit("souscription.resources.limits.memory", &["64Mi", "64Gi"], &["63Mi", "65537Mi"]),
    memory_limit("reclamation.resources.limits.memory", &["64Mi", "64Gi"], &["63Mi", "65537Mi"]),
    memory_limit("simulator.resources.limits.memory", &["64Mi", "64Gi"], &["63Mi", "65537Mi"]),
    memory_limit("dashboard.resources.limits.memory", &["64Mi", "64Gi"], &["63Mi", "65537Mi"]),
    Texts {
        path: "resources.requests.memory",
        good: &["16Mi", "64Gi", "16777216", "0.5Gi", "17M"],
        bad: &["15Mi", "16777215", "65537Mi", "0", "-1", "-1Gi", "Mi", "1gi", "1Ti", "1e9", ""],
        any_letters: false,
    },
    Texts {
        path: "cpu",
        good: &["1m", "64", "0.5", "64000m", "0.001"],
        bad: &["0", "0m", "0.0001", "64001m", "65", "-1", "-1m", "1k", "m", "1.5.2", ""],
        any_letters: false,
    },
    Texts {
        path: "quoteValidity",
        good: &["1s", "3650d", "87600h", "5256000m", "315360000s"],
        bad: &[
            "0s",
            "0d",
            "3651d",
            "87601h",
            "5256001m",
            "315360001s",
            "30",
            "d",
            "1w",
            "-1d",
            "1.5h",
            "01d",
            "",
        ],
        any_letters: false,
    },
    Texts {
        path: "image",
        good: &["kafka", "docker.io/apache/kafka:4.1.0", "localhost:5000/a/b@sha256:0123456789abcdef"],
        bad: &["-kafka", "a b", "kafka\n", "été"],
        any_letters: true,
    },
    Texts {
        path: "images.registry",
        good: &["mirror.example", "mirror.example/hub", "localhost:5000"],
        bad: &["-mirror", "mirror/", "a b", "été"],
        any_letters: true,
    },
    Texts {
        path: "hostAccess.advertisedHost",
        good: &["localhost", "192.168.1.2", "my-host.example"],
        bad: &["-host", "host-", "my_host", "a b", "::1", "host:9092"],
        any_letters: true,
    },
    Texts {
        path: "pullSecrets.[0].name",
        good: &["regcred", "a.b-c"],
        bad: &["RegCred", "-a", "a-", "a_b"],
        any_letters: true,
    },
];

const fn memory_limit(
    path: &'static str,
    good: &'static [&'static str],
    bad: &'static [&'static str],
) -> Texts {
    Texts { path, good, bad, any_letters: false }
}
