//! The writes: server-side apply of what is wanted, and removal of what is no longer wanted.

use std::collections::BTreeMap;

use crds::EdaLab;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::Status,
};
use serde_json::Value;

use crate::{
    build::{Component, Kind, Object, names::MANAGER},
    dereference::{Live, Refs, api_resource},
    drift,
    metrics::Metrics,
    retry::Again,
    validate::ValidatedLab,
};

/// An object that could not be brought to what is wanted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{kind} {name}: node port {port} belongs to another Service of this cluster: turn hostAccess off here or there"
    )]
    NodePortTaken { kind: &'static str, name: String, port: String },
    #[error("{kind} {name} exists and is not this lab's: remove it, or give the lab another name")]
    NameTaken { kind: &'static str, name: String },
    #[error("{kind} {name} belongs to a lab of this name that is being deleted; waiting until it is gone")]
    FormerLab { kind: &'static str, name: String },
    #[error("{kind} {name} is being deleted; waiting until it is gone")]
    BeingDeleted { kind: &'static str, name: String },
    #[error("nothing is written: EdaLab {lab} is deleted")]
    LabDeleted { lab: String },
    #[error("{kind} {name} is not made: the namespace is being deleted")]
    NamespaceTerminating { kind: &'static str, name: String },
    #[error("{kind} {name}: the namespace's quota does not allow it: {message}")]
    Quota { kind: &'static str, name: String, message: String },
    #[error("{kind} {name}: the operator may not {verb} it: {message}")]
    Forbidden { kind: &'static str, name: String, verb: &'static str, message: String },
    #[error("{kind} {name}: the API server refuses it: {message}")]
    Refused { kind: &'static str, name: String, message: String },
    #[error("{verb} {kind} {name}: {source}")]
    Request { kind: &'static str, name: String, verb: &'static str, source: kube::Error },
}

impl Error {
    /// One word for conditions, Events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NodePortTaken { .. } => "NodePortTaken",
            Self::NameTaken { .. } => "NameTaken",
            Self::FormerLab { .. } => "WaitingForFormerLab",
            Self::BeingDeleted { .. } => "BeingDeleted",
            Self::LabDeleted { .. } => "LabDeleted",
            Self::NamespaceTerminating { .. } => "NamespaceTerminating",
            Self::Quota { .. } => "QuotaExceeded",
            Self::Forbidden { .. } => "Forbidden",
            Self::Refused { .. } => "Refused",
            Self::Request { .. } => "ApplyFailed",
        }
    }

    /// When trying again may help.
    pub fn again(&self) -> Again {
        match self {
            Self::FormerLab { .. }
            | Self::BeingDeleted { .. }
            | Self::LabDeleted { .. }
            | Self::NamespaceTerminating { .. } => Again::Soon,
            Self::Request { .. } => Again::Backoff,
            _ => Again::Rarely,
        }
    }

    fn of(kind: Kind, name: &str, verb: &'static str, source: kube::Error) -> Self {
        let (kind, name) = (kind.as_str(), name.to_owned());
        let kube::Error::Api(status) = &source else {
            return Self::Request { kind, name, verb, source };
        };
        let message = status.message.clone();
        match status.code {
            422 if message.contains("provided port is already allocated") => {
                Self::NodePortTaken { kind, name, port: first_number(&message) }
            }
            403 if is_terminating(status) => Self::NamespaceTerminating { kind, name },
            403 if message.contains("exceeded quota") => Self::Quota { kind, name, message },
            403 => Self::Forbidden { kind, name, verb, message },
            400 | 422 => Self::Refused { kind, name, message },
            _ => Self::Request { kind, name, verb, source },
        }
    }
}

/// Kubernetes names it among the causes: the namespace takes nothing new, because it is being deleted.
fn is_terminating(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// `... Invalid value: 30092: provided port is already allocated` names the port before the words.
fn first_number(message: &str) -> String {
    let before = message.split(": provided port").next().unwrap_or_default();
    before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().to_owned()
}

/// How far the writes came.
#[derive(Debug, Default)]
pub struct Applied {
    /// The lab's objects as they stand now.
    pub seen: BTreeMap<(Kind, String), Value>,
    /// What did not work, with the component that it belongs to.
    pub failures: Vec<(Component, Error)>,
    /// What others had added and was taken out, for an Event: object, and the paths.
    pub evicted: Vec<(String, Vec<String>)>,
}

/// What is there, without changing anything; for a paused lab.
pub fn look(refs: &Refs) -> Applied {
    let seen =
        refs.live.iter().map(|live| ((live.kind, live.name.clone()), value_of(&live.object))).collect();
    Applied { seen, ..Applied::default() }
}

/// Brings the cluster to what is wanted. One object's failure does not keep the others from being applied.
pub async fn apply(
    client: &Client,
    lab: &ValidatedLab,
    wanted: Vec<Object>,
    refs: &Refs,
    metrics: &Metrics,
) -> Applied {
    let mut applied = Applied::default();
    if let Some(claim) = refs.claims.iter().find(|claim| claim.metadata.deletion_timestamp.is_some()) {
        let error = Error::BeingDeleted { kind: "PersistentVolumeClaim", name: claim.name_any() };
        applied.failures.push((Component::Kafka, error));
        return applied;
    }
    let writer = Writer { client, lab, metrics };
    if let Err(error) = writer.lab_stands().await {
        applied.failures.push((Component::Kafka, error));
        return applied;
    }
    remove_unwanted(&writer, &wanted, refs, &mut applied).await;
    for object in wanted {
        match writer.bring(&object, refs.find(object.kind, &object.name)).await {
            Ok((seen, evicted)) => {
                if !evicted.is_empty() {
                    applied.evicted.push((format!("{} {}", object.kind.as_str(), object.name), evicted));
                }
                applied.seen.insert((object.kind, object.name), seen);
            }
            Err(error) => applied.failures.push((object.component, error)),
        }
    }
    applied
}

/// Deletes what the lab owns and no longer wants; before the rest, because a node port may be needed again.
async fn remove_unwanted(writer: &Writer<'_>, wanted: &[Object], refs: &Refs, applied: &mut Applied) {
    let unwanted = refs.live.iter().filter(|live| {
        writer.is_ours(&live.object)
            && live.object.metadata.deletion_timestamp.is_none()
            && !wanted.iter().any(|object| object.kind == live.kind && object.name == live.name)
    });
    for live in unwanted {
        if let Err(error) = writer.remove(live).await {
            applied.failures.push((Component::Kafka, error));
        }
    }
}

struct Writer<'a> {
    client: &'a Client,
    lab: &'a ValidatedLab,
    metrics: &'a Metrics,
}

impl Writer<'_> {
    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.lab.namespace, &api_resource(kind))
    }

    fn is_ours(&self, object: &DynamicObject) -> bool {
        object.owner_references().iter().any(|owner| owner.uid == self.lab.uid)
    }

    /// Brings one object to what is wanted, writing only where it is not so already. Returns the object as it
    /// stands, and what was taken out of it.
    async fn bring(&self, object: &Object, live: Option<&Live>) -> Result<(Value, Vec<String>), Error> {
        let (kind, name) = (object.kind, object.name.as_str());
        let unlisted = match live {
            Some(_) => None,
            // The list goes by labels: an object of this name may be there without them.
            None => self.api(kind).get_opt(name).await.map_err(|e| Error::of(kind, name, "get", e))?,
        };
        let there = live.map(|live| &live.object).or(unlisted.as_ref());
        if let Some(there) = there {
            self.may_write(kind, name, there)?;
        }
        let mut seen = there.map_or(Value::Null, value_of);
        if !drift::holds(&object.manifest, &seen) {
            seen = self.patch(object, there.and_then(|there| there.metadata.uid.as_deref())).await?;
        }
        let additions = drift::additions(&object.manifest, &seen);
        if !additions.is_empty() {
            seen = self.replace(object, drift::without_additions(&object.manifest, &seen)).await?;
        }
        Ok((seen, additions))
    }

    /// Objects of others are not taken over: not a stranger's, and not those of a deleted lab of the same name,
    /// which the garbage collector is about to remove.
    fn may_write(&self, kind: Kind, name: &str, there: &DynamicObject) -> Result<(), Error> {
        let (kind, name) = (kind.as_str(), name.to_owned());
        let former = there
            .owner_references()
            .iter()
            .any(|owner| owner.kind == self.lab.owner.kind && owner.name == self.lab.name);
        match (self.is_ours(there), former) {
            (true, _) if there.metadata.deletion_timestamp.is_some() => {
                Err(Error::BeingDeleted { kind, name })
            }
            (true, _) => Ok(()),
            (false, true) => Err(Error::FormerLab { kind, name }),
            (false, false) => Err(Error::NameTaken { kind, name }),
        }
    }

    /// Whether the lab is still there, asked after its objects were read: one that was missing then may have been taken by
    /// the garbage collector, because the lab was deleted. A StatefulSet that is made again is taken as well, but can
    /// leave a volume claim that nobody owns.
    async fn lab_stands(&self) -> Result<(), Error> {
        let labs: Api<EdaLab> = Api::namespaced(self.client.clone(), &self.lab.namespace);
        let lab = &self.lab.name;
        let found = labs.get_metadata_opt(lab).await.map_err(|source| Error::Request {
            kind: "EdaLab",
            name: lab.clone(),
            verb: "get",
            source,
        })?;
        match found {
            Some(found) if found.uid().as_ref() == Some(&self.lab.uid) => Ok(()),
            _ => Err(Error::LabDeleted { lab: lab.clone() }),
        }
    }

    /// Applies the object, to the one with this uid where it was there: one that is deleted meanwhile is not made again.
    async fn patch(&self, object: &Object, uid: Option<&str>) -> Result<Value, Error> {
        self.metrics.wrote(object.kind.as_str(), "apply");
        let mut manifest = object.manifest.clone();
        if let Some(uid) = uid {
            manifest["metadata"]["uid"] = uid.into();
        }
        self.api(object.kind)
            .patch(&object.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&manifest))
            .await
            .map(|object| value_of(&object))
            .map_err(|e| Error::of(object.kind, &object.name, "patch", e))
    }

    /// Apply cannot remove what others added to a list or a map; writing the whole object can.
    async fn replace(&self, object: &Object, whole: Value) -> Result<Value, Error> {
        self.metrics.wrote(object.kind.as_str(), "replace");
        let whole: DynamicObject = serde_json::from_value(whole).map_err(|source| Error::Refused {
            kind: object.kind.as_str(),
            name: object.name.clone(),
            message: source.to_string(),
        })?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        self.api(object.kind)
            .replace(&object.name, &params, &whole)
            .await
            .map(|object| value_of(&object))
            .map_err(|e| Error::of(object.kind, &object.name, "update", e))
    }

    async fn remove(&self, live: &Live) -> Result<(), Error> {
        self.metrics.wrote(live.kind.as_str(), "delete");
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: Some(Preconditions {
                uid: live.object.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.api(live.kind).delete(&live.name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(Error::of(live.kind, &live.name, "delete", source)),
        }
    }
}

fn value_of(object: &DynamicObject) -> Value {
    serde_json::to_value(object).expect("what came as JSON is JSON")
}
