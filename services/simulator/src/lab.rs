//! The lab's custom resource: whoever steers by the API edits what `kubectl edit` edits, so that all of them see the same.

use std::{collections::BTreeMap, time::Duration};

use kube::{
    Api, Client, Config,
    api::{ApiResource, Patch, PatchParams},
    core::{GroupVersionKind, NotUsed, Object, Status},
};
use platform::cause::with_cause;
use schemas::{
    Service,
    control::{Scenario, Simulation},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long the API server may take to answer; a request to the simulator has ten seconds in all.
const ANSWER: Duration = Duration::from_secs(3);
/// How often a change is tried again that somebody else's crossed.
const TRIES: u32 = 5;

/// What of a lab's `spec` is steered here. The rest is not read, so that a newer lab is steered too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wanted {
    pub(crate) scenario: Scenario,
    pub(crate) simulation: Simulation,
    pub(crate) scenario_parameters: ScenarioParameters,
}

/// How large a peak is, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScenarioParameters {
    pub(crate) peak_factor: u32,
    pub(crate) peak_seconds: u32,
    /// A higher one asks for another peak.
    pub(crate) run: u32,
}

/// Why the lab was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    #[error("there is no Kubernetes API to change the lab by: {0}")]
    NoCluster(String),
    #[error("the API server does not let the simulator change the lab: {message}")]
    Forbidden { message: String },
    #[error("the lab is not there: {message}")]
    NotFound { message: String },
    #[error("the API server refuses the change: {message}")]
    Invalid {
        message: String,
        /// What is wrong with which field, by the field's own name.
        fields: BTreeMap<String, String>,
    },
    #[error("others change the lab at the same time; try again")]
    Conflict,
    #[error("the API server cannot be asked: {0}")]
    Unreachable(String),
}

impl LabError {
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::NoCluster(_) => "NoCluster",
            Self::Forbidden { .. } => "Forbidden",
            Self::NotFound { .. } => "NotFound",
            Self::Invalid { .. } => "Invalid",
            Self::Conflict => "Conflict",
            Self::Unreachable(_) => "Unreachable",
        }
    }
}

type EdaLab = Object<Wanted, NotUsed>;

/// The one lab that this simulator belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    name: String,
    /// Or why there is none.
    api: Result<Api<EdaLab>, String>,
}

impl Lab {
    /// The lab of that name, in the namespace that is named or else the client's own. Without Kubernetes nothing can be
    /// changed, and each attempt is told so.
    pub(crate) async fn find(name: String, namespace: Option<&str>) -> Self {
        let api = connect().await.map(|client| {
            let namespace = namespace.unwrap_or(client.default_namespace()).to_owned();
            let kind = GroupVersionKind::gvk("edalab.dev", "v1alpha1", "EdaLab");
            Api::namespaced_with(client, &namespace, &ApiResource::from_gvk(&kind))
        });
        if let Err(error) = &api {
            tracing::warn!(error, "the lab cannot be steered by this API");
        }
        Self { name, api }
    }

    /// Starts or stops the simulation.
    pub(crate) async fn run(&self, running: bool) -> Result<Wanted, LabError> {
        self.patch(json!({"spec": {"simulation": {"running": running}}})).await
    }

    /// Sets the rate. Its bounds are the custom resource's own.
    pub(crate) async fn speed(&self, events_per_second: u64) -> Result<Wanted, LabError> {
        self.patch(json!({"spec": {"simulation": {"eventsPerSecond": events_per_second}}})).await
    }

    /// Sets the scenario. Asking for a peak while one is set asks for another.
    /// `target` is the service that it is about; without one, the lab's own word holds.
    pub(crate) async fn scenario(
        &self,
        scenario: Scenario,
        target: Option<Service>,
    ) -> Result<Wanted, LabError> {
        if scenario == Scenario::PicCharge {
            return self.peak().await;
        }
        let mut patch = json!({"spec": {"scenario": scenario}});
        if let Some(target) = target {
            patch["spec"]["scenarioParameters"] = json!({"target": target});
        }
        self.patch(patch).await
    }

    async fn peak(&self) -> Result<Wanted, LabError> {
        for _ in 0..TRIES {
            let lab = self.api()?.get(&self.name).await?;
            // The patch holds for the version that was read: of two who ask at once, each counts.
            let mut patch = json!({
                "metadata": {"resourceVersion": lab.metadata.resource_version},
                "spec": {"scenario": Scenario::PicCharge},
            });
            if lab.spec.scenario == Scenario::PicCharge {
                let run = u64::from(lab.spec.scenario_parameters.run) + 1;
                patch["spec"]["scenarioParameters"] = json!({"run": run});
            }
            match self.patch(patch).await {
                Err(LabError::Conflict) => {}
                done => return done,
            }
        }
        Err(LabError::Conflict)
    }

    /// Changes the lab; what its spec says then.
    async fn patch(&self, patch: Value) -> Result<Wanted, LabError> {
        // Strict: a definition older than the simulator refuses what it does not know, and does not drop it.
        let how = PatchParams::default().validation_strict();
        let lab = self.api()?.patch(&self.name, &how, &Patch::Merge(&patch)).await?;
        tracing::info!(%patch, "the lab was changed");
        Ok(lab.spec)
    }

    fn api(&self) -> Result<&Api<EdaLab>, LabError> {
        self.api.as_ref().map_err(|error| LabError::NoCluster(error.clone()))
    }
}

async fn connect() -> Result<Client, String> {
    let mut config = Config::infer().await.map_err(|error| error.to_string())?;
    config.connect_timeout = Some(ANSWER);
    config.read_timeout = Some(ANSWER);
    config.reset_reader_on_write = true;
    Client::try_from(config).map_err(|error| error.to_string())
}

impl From<kube::Error> for LabError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => refusal(*status),
            other => Self::Unreachable(with_cause(&other)),
        }
    }
}

fn refusal(status: Status) -> LabError {
    let message = status.message;
    match status.code {
        403 => LabError::Forbidden { message },
        404 => LabError::NotFound { message },
        409 => LabError::Conflict,
        400 | 422 => {
            let causes = status.details.map(|details| details.causes).unwrap_or_default();
            let fields = causes.into_iter().filter_map(|cause| field(&cause.field, &cause.message)).collect();
            LabError::Invalid { message, fields }
        }
        code => LabError::Unreachable(format!("it answered {code}: {message}")),
    }
}

/// A field by its own name, and what is wrong with it, of a cause such as `spec.simulation.eventsPerSecond: Invalid value:
/// 5000: spec.simulation.eventsPerSecond in body should be less than or equal to 1000`.
fn field(path: &str, message: &str) -> Option<(String, String)> {
    let name = path.strip_prefix("spec.")?.rsplit('.').next()?;
    let detail = message.split_once(" in body ").map_or(message, |(_, detail)| detail);
    Some((name.to_owned(), detail.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, causes: &Value) -> Status {
        let status = json!({"code": code, "message": "said", "details": {"causes": causes}});
        serde_json::from_value(status).expect("a status")
    }

    #[test]
    fn refusals_by_what_they_mean() {
        for (code, reason) in [
            (403, "Forbidden"),
            (404, "NotFound"),
            (409, "Conflict"),
            (422, "Invalid"),
            (400, "Invalid"),
            (401, "Unreachable"),
            (500, "Unreachable"),
        ] {
            assert_eq!(refusal(status(code, &json!([]))).reason(), reason, "{code}");
        }
    }

    #[test]
    fn a_field_goes_by_its_own_name() {
        let said = "Invalid value: 5000: spec.simulation.eventsPerSecond in body should be less than or equal to 1000";
        let causes = json!([
            {"reason": "FieldValueInvalid", "field": "spec.simulation.eventsPerSecond", "message": said},
            {"reason": "FieldValueInvalid", "field": "metadata.name", "message": "is not asked for here"},
        ]);
        let LabError::Invalid { fields, .. } = refusal(status(422, &causes)) else { panic!("it is invalid") };
        let expected = [("eventsPerSecond".to_owned(), "should be less than or equal to 1000".to_owned())];
        assert_eq!(fields, BTreeMap::from(expected));
    }

    #[test]
    fn a_newer_lab_is_read_too() {
        let lab = json!({
            "apiVersion": "edalab.dev/v1alpha1",
            "kind": "EdaLab",
            "metadata": {"name": "lab"},
            "spec": {
                "phase": "Later",
                "scenario": "NORMAL",
                "simulation": {"running": true, "eventsPerSecond": 5, "more": 1},
                "scenarioParameters": {"peakFactor": 10, "peakSeconds": 30, "run": 2, "errorPercent": 10},
            },
            "status": {"phase": "Later"},
        });
        let lab: EdaLab = serde_json::from_value(lab).expect("a lab");
        assert_eq!(lab.spec.scenario_parameters.run, 2);
        assert_eq!(lab.spec.simulation, Simulation { running: true, events_per_second: 5 });
    }
}
