//! The reads of a reconciliation: everything in the cluster that belongs to the lab.

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Event, PersistentVolumeClaim, Pod, Service, ServiceAccount},
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams, TypeMeta},
};

use crate::build::{Kind, names::lab_selector};

/// An object of the lab as it stands in the cluster.
#[derive(Clone, Debug)]
pub struct Live {
    pub kind: Kind,
    pub name: String,
    pub object: DynamicObject,
}

/// What a reconciliation knows of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Refs {
    pub live: Vec<Live>,
    pub pods: Vec<Pod>,
    pub claims: Vec<PersistentVolumeClaim>,
    /// Warnings about the lab's objects; read only when something is missing, because they say why.
    pub warnings: Vec<Event>,
}

impl Refs {
    /// The object of this kind and name.
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Live> {
        self.live.iter().find(|live| live.kind == kind && live.name == name)
    }
}

/// A read that failed.
#[derive(Debug, thiserror::Error)]
#[error("list {what} of the lab: {source}")]
pub struct Error {
    what: &'static str,
    source: kube::Error,
}

impl Error {
    /// One word for conditions, Events and metrics.
    pub fn reason(&self) -> &'static str {
        "ClusterUnreadable"
    }
}

/// The API resource of a kind, for requests without its type.
pub fn api_resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
        Kind::Role => ApiResource::erase::<Role>(&()),
        Kind::RoleBinding => ApiResource::erase::<RoleBinding>(&()),
        Kind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
        Kind::Service => ApiResource::erase::<Service>(&()),
        Kind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        Kind::Deployment => ApiResource::erase::<Deployment>(&()),
    }
}

/// Reads what belongs to the lab of this name in this namespace.
pub async fn dereference(client: &Client, namespace: &str, lab: &str) -> Result<Refs, Error> {
    let params = ListParams::default().labels(&lab_selector(lab));
    let mut refs = Refs::default();
    for kind in Kind::ALL {
        let resource = api_resource(kind);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let list = api.list(&params).await.map_err(|source| Error { what: kind.as_str(), source })?;
        // A list says once what its items are; each by itself must say it to be compared with what is wanted.
        let types = TypeMeta { api_version: resource.api_version, kind: resource.kind };
        refs.live.extend(list.items.into_iter().map(|object| {
            let object = DynamicObject { types: Some(types.clone()), ..object };
            Live { kind, name: object.name_any(), object }
        }));
    }
    refs.pods = list(client, namespace, &params, "Pod").await?;
    refs.claims = list(client, namespace, &params, "PersistentVolumeClaim").await?;
    if something_is_missing(&refs) {
        // An unbound claim without a storage class is told by an Event of type Normal.
        for selector in ["type=Warning", "reason=FailedBinding"] {
            let events: Vec<Event> =
                list(client, namespace, &ListParams::default().fields(selector), "Event").await?;
            refs.warnings.extend(events);
        }
    }
    Ok(refs)
}

async fn list<K>(
    client: &Client,
    namespace: &str,
    params: &ListParams,
    what: &'static str,
) -> Result<Vec<K>, Error>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    Ok(api.list(params).await.map_err(|source| Error { what, source })?.items)
}

/// Whether a workload has fewer pods than it wants, a pod does not run, or a claim has no volume.
fn something_is_missing(refs: &Refs) -> bool {
    let pending = refs
        .claims
        .iter()
        .any(|claim| claim.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Bound"));
    let wanted: i64 = refs.live.iter().filter_map(|live| live.object.data["spec"]["replicas"].as_i64()).sum();
    let waiting =
        refs.pods.iter().any(|pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Pending"));
    pending || waiting || i64::try_from(refs.pods.len()).is_ok_and(|pods| pods < wanted)
}
