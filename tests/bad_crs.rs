//! What a real API server says to labs that are wrong, and to their neighbours that are not.
//!
//! The cases come from crds/edalab.yaml, so a new field is tried on the day that it gets into the definition.

use std::{process::ExitCode, sync::Arc};

use edalab_tests::{
    cases,
    edalabs::{self, Really, Said, answer, apply},
    rig::{apiserver::ApiServer, parts::Parts},
    suite::{self, Outcome, Suite},
    texts::TEXTS,
    trial,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let definition = edalabs::definition();
    let mut suite = Suite::new("bad_crs", 8)
        .trial("names", trial!(names))
        .trial("amounts_against_each_other", trial!(amounts_against_each_other))
        .trial("storage_stays", trial!(storage_stays))
        .trial("the_rest_can_change", trial!(the_rest_can_change))
        .trial("an_empty_spec_gets_its_defaults", trial!(an_empty_spec_gets_its_defaults))
        .trial("a_spec_there_must_be", trial!(a_spec_there_must_be));
    let cases = cases::cases(&edalabs::spec_schema(&definition), TEXTS)
        .expect("a case for every field of the definition");
    for case in cases {
        suite = suite.trial(case.name.clone(), move |server| {
            suite::block_on(async {
                let said = apply(&labs(&server)?, "lab", &case.spec, Really::No).await?;
                match case.refused_at {
                    None => taken(said),
                    Some(field) => refused(said, &field),
                }
            })
        });
    }
    suite.main(async || start(&definition).await)
}

async fn start(definition: &CustomResourceDefinition) -> Result<ApiServer, Box<dyn std::error::Error>> {
    let parts = Parts::find(&["kubenode"]).await?;
    let server = ApiServer::start(&parts).await?;
    server.install(definition).await?;
    Ok(server)
}

async fn names(server: Arc<ApiServer>) -> Outcome {
    let longest = "a".repeat(35);
    for name in ["lab", "a", "lab-2", &longest] {
        taken(apply(&labs(&server)?, name, &json!({}), Really::No).await?)?;
    }
    let too_long = "a".repeat(36);
    for name in ["1lab", "my.lab", &too_long] {
        refused(
            apply(&labs(&server)?, name, &json!({}), Really::No).await?,
            "at most 35 lower-case letters",
        )?;
    }
    // Kubernetes' own rule for every name.
    for name in ["Lab", "-lab", "lab-", "my_lab"] {
        refused(apply(&labs(&server)?, name, &json!({}), Really::No).await?, "metadata.name")?;
    }
    Ok(())
}

async fn amounts_against_each_other(server: Arc<ApiServer>) -> Outcome {
    for (amount, less, more) in [("memory", "1Gi", "1025Mi"), ("cpu", "1", "1001m")] {
        let pair =
            |request: &str, limit: &str| json!({"requests": {amount: request}, "limits": {amount: limit}});
        let places: [fn(Value) -> Value; 6] = [
            |resources| json!({"kafka": {"resources": resources}}),
            |resources| json!({"schemaRegistry": {"resources": resources}}),
            |resources| json!({"services": {"quotation": {"resources": resources}}}),
            |resources| json!({"services": {"souscription": {"resources": resources}}}),
            |resources| json!({"services": {"simulator": {"resources": resources}}}),
            |resources| json!({"services": {"dashboard": {"resources": resources}}}),
        ];
        for place in places {
            taken(apply(&labs(&server)?, "lab", &place(pair(less, less)), Really::No).await?)?;
            taken(apply(&labs(&server)?, "lab", &place(pair(less, more)), Really::No).await?)?;
            let above = apply(&labs(&server)?, "lab", &place(pair(more, less)), Really::No).await?;
            refused(above, &format!("requests.{amount} must not be above limits.{amount}"))?;
        }
    }
    Ok(())
}

async fn storage_stays(server: Arc<ApiServer>) -> Outcome {
    let name = "storage-stays";
    let size = |size: &str| json!({"kafka": {"storage": {"size": size}}});
    taken(apply(&labs(&server)?, name, &size("8Gi"), Really::Yes).await?)?;
    let ephemeral = json!({"kafka": {"storage": {"size": "8Gi", "ephemeral": true}}});
    for changed in [
        size("16Gi"),
        size("4Gi"),
        ephemeral,
        // Left out on any level, it would fall back to the default.
        json!({}),
        json!({"kafka": {}}),
        json!({"kafka": {"storage": {}}}),
    ] {
        let said = apply(&labs(&server)?, name, &changed, Really::Yes).await?;
        refused(said, "kafka.storage cannot be changed")?;
    }
    taken(apply(&labs(&server)?, name, &size("8Gi"), Really::Yes).await?)
}

async fn the_rest_can_change(server: Arc<ApiServer>) -> Outcome {
    let name = "the-rest-can-change";
    taken(apply(&labs(&server)?, name, &json!({}), Really::Yes).await?)?;
    for changed in [
        json!({"phase": "Infrastructure", "paused": true, "deletionPolicy": "Retain"}),
        json!({"kafka": {"image": "mirror.example/kafka:4.1.0"}}),
        json!({"kafka": {"resources": {"limits": {"memory": "1Gi"}}}}),
        json!({"kafka": {"storage": {"size": "5Gi", "ephemeral": false}}}), // the defaults, spelled out
        json!({"services": {"quotation": {"quoteValidity": "1h"}}}),
        json!({"services": {"souscription": {"resources": {"limits": {"memory": "256Mi"}}}}}),
        json!({"services": {"simulator": {"resources": {"limits": {"memory": "256Mi"}}}}}),
        json!({"services": {"dashboard": {"resources": {"limits": {"memory": "256Mi"}}}}}),
        json!({"scenario": "PIC_CHARGE", "scenarioParameters": {"run": 2}}),
        // A counter may also begin again.
        json!({"scenario": "PIC_CHARGE", "scenarioParameters": {"run": 1, "peakFactor": 2, "peakSeconds": 3600}}),
        json!({"simulation": {"running": true, "eventsPerSecond": 1000}}),
        json!({"hostAccess": {"enabled": true, "advertisedHost": "lab.example", "portOffset": 1000}}),
        json!({}),
    ] {
        taken(apply(&labs(&server)?, name, &changed, Really::Yes).await?)?;
    }
    Ok(())
}

/// Every default of the schema, and nothing else.
async fn an_empty_spec_gets_its_defaults(server: Arc<ApiServer>) -> Outcome {
    let made = apply(&labs(&server)?, "lab", &json!({}), Really::No)
        .await?
        .map_err(|refusal| refusal.to_string())?;
    let defaults = defaults(&edalabs::spec_schema(&edalabs::definition()));
    assert_eq!(made.data["spec"], defaults);
    for field in [
        "phase",
        "scenario",
        "simulation",
        "scenarioParameters",
        "kafka",
        "schemaRegistry",
        "services",
        "hostAccess",
        "deletionPolicy",
        "paused",
    ] {
        assert!(defaults.get(field).is_some(), "{field} has no default");
    }
    Ok(())
}

fn defaults(schema: &Value) -> Value {
    let mut all = serde_json::Map::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        match &field["default"] {
            Value::Null => {}
            // An object's default is itself given the defaults of its fields.
            Value::Object(given) => {
                let mut inner = defaults(field);
                for (name, value) in given {
                    inner[name] = value.clone();
                }
                all.insert(name.clone(), inner);
            }
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(all)
}

async fn a_spec_there_must_be(server: Arc<ApiServer>) -> Outcome {
    let labs = labs(&server)?;
    let bare = json!({"apiVersion": "edalab.dev/v1alpha1", "kind": "EdaLab", "metadata": {"name": "lab"}});
    let patch = PatchParams::apply("tests").validation_strict().dry_run();
    let said = labs.patch("lab", &patch, &Patch::Apply(&bare)).await;
    refused(answer(said)?, "spec")
}

fn labs(server: &ApiServer) -> Result<Api<DynamicObject>, Box<dyn std::error::Error>> {
    Ok(edalabs::of(server.client()?, "default"))
}

fn taken(said: Said) -> Outcome {
    said.map(drop).map_err(|refusal| format!("refused: {}", refusal.message).into())
}

/// The refusal must name `what` was wrong.
fn refused(said: Said, what: &str) -> Outcome {
    match said {
        Ok(object) => Err(format!("taken, as {}", object.data["spec"]).into()),
        Err(refusal) if refusal.message.contains(what) => Ok(()),
        Err(refusal) => Err(format!("refused without naming {what:?}: {}", refusal.message).into()),
    }
}
