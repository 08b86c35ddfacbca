//! One file for each command that does more than ask the lab something.

mod ask;
mod down;
mod fault;
mod ledger;
mod up;

use std::path::PathBuf;

use crate::{
    build::Builder,
    cli::{Cli, Command, Output},
    cluster::{self, EngineKind, Record},
    engine::Engine,
    error::{Error, Result},
    home::Home,
    progress::Progress,
};

/// What every command works with.
struct Context {
    home: Home,
    progress: Progress,
    name: String,
}

/// Runs one command. True: all is well; false: it was done, and something is not well.
pub(crate) async fn run(cli: Cli) -> Result<bool> {
    let home = Home::find()?;
    let context = Context { progress: Progress::new(home.logs()), home, name: cli.name };
    match cli.command {
        Command::Up(options) => up::up(&context, &options).await,
        Command::Down { purge } => down::down(&context, purge).await,
        Command::Stop => down::stop(&context).await,
        Command::Reset { data: true } => ask::reset_data(&context).await,
        Command::Reset { data: false } => up::reset(&context).await,
        Command::Status => ask::status(&context).await,
        Command::Logs { component, follow, tail } => {
            ask::logs(&context, component.as_deref(), tail, follow).await
        }
        Command::Health => ask::health(&context).await,
        Command::Url { component } => ask::url(&context, &component).await,
        Command::Open { component } => ask::open(&context, &component).await,
        Command::Kubeconfig => ask::kubeconfig(&context),
        Command::Topics { describe } => ask::topics(&context, describe).await,
        Command::Events { topics, follow, max } => ask::events(&context, &topics, follow, max).await,
        Command::Ledger { watch, output } => ledger::ledger(&context, watch, output).await,
        Command::Fault { fault, component, lasting } => {
            fault::fault(&context, fault, &component, lasting).await
        }
        Command::Build { parts, output } => build(&context, &parts, output).await,
    }
}

async fn build(context: &Context, parts: &[String], output: Output) -> Result<bool> {
    let _lock = context.lock_builds()?;
    let builder = Builder::new(context.home.clone(), context.progress.clone(), checkout()?);
    let all = Builder::NAMES.map(String::from);
    let parts = if parts.is_empty() { &all[..] } else { parts };
    let built = futures::future::try_join_all(parts.iter().map(|name| async {
        Ok::<_, Error>((name.clone(), builder.by_name(name).await?.display().to_string()))
    }))
    .await?;
    match output {
        Output::Text => built.iter().for_each(|(name, path)| println!("{name}: {path}")),
        Output::Json => {
            let map: serde_json::Map<_, _> =
                built.into_iter().map(|(name, path)| (name, path.into())).collect();
            println!("{}", serde_json::Value::Object(map));
        }
    }
    Ok(true)
}

impl Context {
    /// One build at a time for one home: two would compile the same things twice.
    fn lock_builds(&self) -> Result<std::fs::File> {
        self.home.lock("build", || self.progress.say("  another edalab is building; waiting for it"))
    }

    /// One change of a cluster at a time.
    fn lock_cluster(&self) -> Result<std::fs::File> {
        let name = format!("cluster-{}", self.name);
        self.home.lock(&name, || self.progress.say("  another edalab works on this cluster; waiting for it"))
    }

    fn builder(&self) -> Result<std::sync::Arc<Builder>> {
        Ok(Builder::new(self.home.clone(), self.progress.clone(), checkout()?))
    }

    /// The engine of a kind, not started, and the kind command that goes with it.
    async fn engine(&self, kind: EngineKind) -> Result<(Engine, PathBuf)> {
        match kind {
            EngineKind::Existing => Ok((Engine::Existing, "kind".into())),
            EngineKind::Private => {
                let _lock = self.lock_builds()?;
                let builder = self.builder()?;
                let engine = Engine::private(&self.home, builder.tools().await?);
                // the one that made the cluster, where this checkout has come to ask for another
                let offered = self.home.bin().join("kind");
                let kind = if offered.exists() { offered } else { builder.kind().await? };
                Ok((engine, kind))
            }
        }
    }

    /// What is remembered of the lab's cluster; fails where it was never made.
    fn record(&self) -> Result<Record> {
        cluster::record(&self.home, &self.name)?.ok_or_else(|| Error::Cannot {
            what: format!("there is no cluster {:?} on this machine", self.name),
            next: "run `edalab up` (make up)".into(),
        })
    }

    /// A client for the lab's cluster; fails where the cluster was never made.
    async fn client(&self) -> Result<kube::Client> {
        self.record()?;
        crate::kubernetes::client(&self.home.kubeconfig(&self.name)).await
    }
}

/// The checkout that this program belongs to: found from the current folder upwards, else where it was compiled.
fn checkout() -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|e| Error::io("read the current folder", e))?;
    let compiled = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .chain(compiled.ancestors())
        .find(|folder| folder.join("kind/versions.toml").is_file())
        .map(PathBuf::from)
        .ok_or_else(|| Error::Cannot {
            what: "the lab's own sources are not here".into(),
            next: "run the command from a checkout of kafka-eda-lab".into(),
        })
}
