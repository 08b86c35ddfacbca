//! The control plane that the trials share.

use std::{error::Error, time::Duration};

use edalab_tests::{
    edalabs::{self, Really, apply},
    rig::{
        apiserver::{ApiServer, ApiServerRigError},
        cluster::Space,
        parts::Parts,
    },
    suite::Rig,
    wait::{self, TimedOut},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{brokers::Brokers, objects::Objects};

/// How long the operator may take to follow an edit, which it does in a fraction of a second, on a machine that has other
/// tests to run as well.
const FOLLOWED: Duration = Duration::from_secs(60);
/// The name of every lab here: namespaces tell them apart.
pub(crate) const LAB: &str = "lab";

pub(crate) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// An API server with Kubernetes' controllers, and the definition installed.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) server: ApiServer,
    brokers: OnceCell<Brokers>,
}

impl Rig for Plane {}

impl Plane {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let parts = Parts::find(&["kubenode"]).await?;
        let server = ApiServer::start(&parts).await?.with_controllers(&parts).await?;
        server.install(&edalabs::definition()).await?;
        Ok(Self { server, brokers: OnceCell::new() })
    }

    /// A Kafka and a registry, which are started for the first that asks.
    pub(crate) async fn brokers(&self) -> Fallible<&Brokers> {
        self.brokers.get_or_try_init(Brokers::start).await
    }

    /// A new namespace.
    pub(crate) async fn namespace(&self, name: &str) -> Result<Space, ApiServerRigError> {
        let client = self.server.client()?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).expect("a namespace");
        namespaces.create(&PostParams::default(), &namespace).await.map_err(Box::new)?;
        Ok(Space { client, name: name.to_owned() })
    }
}

/// Waits until the operator has done all that it can for the lab's spec as it is now; the objects that the lab has then.
pub(crate) async fn settled(space: &Space) -> Fallible<Objects> {
    wait::until(format!("the lab of {} to be followed", space.name), FOLLOWED, async || {
        let lab = space.labs().get(LAB).await.map_err(|problem| problem.to_string())?;
        let ready = edalabs::condition(&lab, "Ready");
        // A write that failed is told as the reason of a lab that is not followed yet.
        if !ready.is_null() && ready["reason"] != "ApplyFailed" {
            Ok(())
        } else {
            Err(format!("generation {:?}, {}", lab.metadata.generation, lab.data["status"]["conditions"]))
        }
    })
    .await?;
    Ok(Objects::of(space, LAB).await?)
}

/// Applies the spec, which must be taken.
pub(crate) async fn set(space: &Space, spec: &Value) -> Fallible<()> {
    apply(&space.labs(), LAB, spec, Really::Yes).await?.map_err(|refusal| refusal.message)?;
    Ok(())
}

/// Applies the spec and waits until the operator has followed.
pub(crate) async fn brought(space: &Space, spec: &Value) -> Fallible<Objects> {
    set(space, spec).await?;
    settled(space).await
}

/// Deletes the lab and waits until its Services are gone: their node ports are free then.
pub(crate) async fn delete(space: &Space) -> Fallible<()> {
    space.labs().delete(LAB, &DeleteParams::default()).await?;
    wait::until(format!("the objects of {} to go", space.name), FOLLOWED, async || {
        match Objects::of(space, LAB).await {
            Ok(left) if left.count() == 0 => Ok(()),
            Ok(left) => Err(format!("{} are left", left.count())),
            Err(problem) => Err(problem.to_string()),
        }
    })
    .await
    .map_err(|late: TimedOut| late.into())
}
