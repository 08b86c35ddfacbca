//! Edits of a lab, made from the definition's own schema: each arrives whole or is refused with the field named, can be taken
//! back, and leads to the same objects as a lab that was never otherwise.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use edalab_tests::{
    cases::{self, Case},
    edalabs::{self, Really, apply},
    rig::{
        cluster::{Cluster, Space},
        operator::Operator,
    },
    suite::{self, Outcome, Rig},
    texts::TEXTS,
};
use fastrand::Rng;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};
use serde_json::{Map, Value, json};
use tokio::sync::RwLock;

use crate::plane::{Fallible, LAB, Plane, brought, delete, settled};

/// How many edits; `MUTATIONS` overrules it.
const EDITS: u64 = 24;
/// The same on a cluster with a node.
const EDITS_OF_A_CLUSTER: u64 = 30;
/// The edits begin with this seed; `SEED` overrules it.
const SEED: u64 = 1;
/// Labs at the same time.
const AT_ONCE: usize = 4;
/// Which field may restart whom, reviewed by people.
const RESTARTS: &str = include_str!("restarts.txt");

/// A lab, and an edit of it.
struct Edit {
    seed: u64,
    before: Value,
    after: Value,
    /// What is done, for people.
    what: Vec<String>,
    /// The fields that were changed.
    fields: BTreeSet<String>,
}

pub(crate) async fn edits_arrive_and_can_be_taken_back(plane: Arc<Plane>) -> Outcome {
    let mut operator = Operator::new("mutations", &plane.server.url(), "").await?;
    operator.start().await?;
    let tried = try_edits(EDITS, AT_ONCE, async |name| Ok(plane.namespace(name).await?)).await;
    operator.stop().await?;
    tried
}

/// The same on a cluster with a node, whose pods run: one lab after the other, because each has a Kafka.
pub(crate) async fn on_a_real_cluster(_: Arc<Plane>) -> Outcome {
    let cluster = Cluster::start().await?;
    let tried = try_edits(EDITS_OF_A_CLUSTER, 1, async |name| Ok(cluster.namespace(name).await?)).await;
    if tried.is_err() {
        cluster.explain().await;
    }
    tried
}

/// Tries so many edits in namespaces that `namespace` makes.
async fn try_edits(count: u64, at_once: usize, namespace: impl AsyncFn(&str) -> Fallible<Space>) -> Outcome {
    let (first, count) = (suite::setting("SEED", SEED), suite::setting("MUTATIONS", count));
    let all = cases::cases(&edalabs::spec_schema(&edalabs::definition()), TEXTS)?;
    let table = restarts();
    let began = Instant::now();
    // Node ports are the cluster's: a lab that opens them has the cluster for itself.
    let node_ports = RwLock::new(());
    let edits = stream::iter(first..first + count).map(|seed| Edit::make(seed, &all));
    let tried = edits.map(|edit| try_edit(&namespace, edit, &table, &node_ports)).buffer_unordered(at_once);
    let results: Vec<Result<bool, String>> = tried.collect().await;
    let taken = results.iter().filter(|result| **result == Ok(true)).count();
    let wrong: Vec<&String> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    println!(
        "{count} edits from seed {first} on: {taken} taken, {} refused, {} wrong, {:.1} s",
        results.len() - taken - wrong.len(),
        wrong.len(),
        began.elapsed().as_secs_f32()
    );
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.into_iter().fold(String::new(), |all, one| all + one + "\n").into())
}

/// Whether the edit was taken, and all was as it should be; else what was not.
async fn try_edit(
    namespace: &impl AsyncFn(&str) -> Fallible<Space>,
    edit: Edit,
    table: &BTreeMap<String, BTreeSet<String>>,
    node_ports: &RwLock<()>,
) -> Result<bool, String> {
    let opens = [&edit.before, &edit.after].into_iter().any(|spec| spec["hostAccess"]["enabled"] == true);
    let _alone = if opens { Some(node_ports.write().await) } else { None };
    let _shared = if opens { None } else { Some(node_ports.read().await) };
    follow(namespace, &edit, table).await.map_err(|problem| {
        let Edit { seed, before, after, what, .. } = &edit;
        format!("SEED={seed} MUTATIONS=1 ({}): {problem}\n  {before}\n  {after}", what.join(", "))
    })
}

async fn follow(
    namespace: &impl AsyncFn(&str) -> Fallible<Space>,
    edit: &Edit,
    table: &BTreeMap<String, BTreeSet<String>>,
) -> Fallible<bool> {
    let space = namespace(&format!("m-{}", edit.seed)).await?;
    let before = match apply(&space.labs(), LAB, &edit.before, Really::Yes).await? {
        Ok(_) => settled(&space).await?,
        // Two good values can be bad together.
        Err(refusal) => return named(&edit.before, &refusal.message).map(|()| false),
    };
    let pods_before = pods(&space).await?;
    if let Err(refusal) = apply(&space.labs(), LAB, &edit.after, Really::Yes).await? {
        named(&edit.after, &refusal.message)?;
        same("a refused edit changed something", &before.differences(&settled(&space).await?))?;
        delete(&space).await?;
        return Ok(false);
    }
    let after = settled(&space).await?;
    let paused = edit.after["paused"] == true;
    if paused {
        same("a paused lab was changed", &before.differences(&after))?;
    } else {
        let restarted = before.restarted(LAB, &after);
        still_there(&pods_before, &pods(&space).await?, &restarted)?;
        declared(restarted, edit, table)?;
    }
    let back = brought(&space, &edit.before).await?;
    same("taken back, it is not as before", &before.differences(&back))?;
    delete(&space).await?;
    if !paused {
        let fresh = namespace(&format!("f-{}", edit.seed)).await?;
        let anew = brought(&fresh, &edit.after).await?.anywhere(&fresh.name);
        let differences = after.anywhere(&space.name).differences(&anew);
        same("a lab that was never otherwise is not the same", &differences)?;
        delete(&fresh).await?;
    }
    Ok(true)
}

/// The component of each pod, by the pod's uid.
async fn pods(space: &Space) -> Fallible<BTreeMap<String, String>> {
    let of_lab = ListParams::default().labels(&format!("app.kubernetes.io/instance={LAB}"));
    let pods = space.objects::<Pod>().list(&of_lab).await?.into_iter().map(|pod| {
        let component = pod.labels().get("app.kubernetes.io/name").cloned();
        (pod.uid().unwrap_or_default(), component.unwrap_or_default())
    });
    Ok(pods.collect())
}

/// Whoever is not restarted keeps its pods.
fn still_there(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    restarted: &[String],
) -> Fallible<()> {
    let gone =
        before.iter().filter(|(uid, component)| !after.contains_key(*uid) && !restarted.contains(component));
    let gone: BTreeSet<&String> = gone.map(|(_, component)| component).collect();
    same(
        "other pods of components whose template is the same",
        &gone.into_iter().cloned().collect::<Vec<_>>().join(", "),
    )
}

fn same(what: &str, differences: &str) -> Fallible<()> {
    if differences.is_empty() { Ok(()) } else { Err(format!("{what}: {differences}").into()) }
}

/// The refusal must name a field that the spec sets.
fn named(spec: &Value, message: &str) -> Fallible<()> {
    let mut fields = BTreeSet::new();
    leaves(spec, "", &mut fields);
    // By its own name, or by the part that it belongs to.
    let named = |path: &String| {
        let (parent, field) = path.rsplit_once('.').unwrap_or((path, path));
        message.contains(field) || message.contains(parent)
    };
    if fields.iter().any(named) {
        Ok(())
    } else {
        Err(format!("refused without naming a field: {message}").into())
    }
}

fn declared(restarted: Vec<String>, edit: &Edit, table: &BTreeMap<String, BTreeSet<String>>) -> Fallible<()> {
    let allowed: BTreeSet<&String> = edit
        .fields
        .iter()
        .flat_map(|field| {
            let covers = move |entry: &String| field == entry || field.starts_with(&format!("{entry}."));
            table.iter().filter(move |(entry, _)| covers(entry)).flat_map(|(_, components)| components)
        })
        .collect();
    let undeclared: Vec<String> =
        restarted.into_iter().filter(|component| !allowed.contains(component)).collect();
    if undeclared.is_empty() {
        return Ok(());
    }
    Err(format!("restarts that tests/operator/restarts.txt does not allow: {}", undeclared.join(", ")).into())
}

/// Field, and the components that a change of it may restart.
fn restarts() -> BTreeMap<String, BTreeSet<String>> {
    let lines = RESTARTS.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let parsed = lines.map(|line| {
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap_or_default(), words.collect())
    });
    parsed.collect()
}

impl Edit {
    /// A lab that has up to four fields set, and an edit that sets up to three and may be wrong.
    fn make(seed: u64, all: &[Case]) -> Self {
        let mut dice = Rng::with_seed(seed);
        let is_of = |case: &&Case, field: &str| case.name.starts_with(field);
        let usable = all.iter().filter(|case| is_of(case, "spec.") && !is_of(case, "spec.paused"));
        let (good, bad): (Vec<&Case>, Vec<&Case>) = usable.partition(|case| case.refused_at.is_none());
        // Storage can be chosen, and not be changed.
        let can_change = |case: &&Case| !is_of(case, "spec.kafka.storage");
        let (changing, staying): (Vec<&Case>, Vec<&Case>) = good.iter().partition(|case| can_change(case));
        let bad: Vec<&Case> = bad.into_iter().chain(staying).collect();
        let mut before = json!({});
        for _ in 0..dice.usize(..=4) {
            merge(&mut before, &pick(&mut dice, &good).spec);
        }
        let mut after = before.clone();
        let mut what = Vec::new();
        for _ in 0..dice.usize(1..=3) {
            let case = pick(&mut dice, &changing);
            merge(&mut after, &case.spec);
            what.push(case.name.clone());
        }
        if dice.u8(..4) == 0 {
            let case = pick(&mut dice, &bad);
            merge(&mut after, &case.spec);
            what.push(case.name.clone());
        } else if dice.u8(..8) == 0 {
            after["paused"] = json!(true);
            what.push("spec.paused true".to_owned());
        }
        let mut fields = BTreeSet::new();
        let (mut old, mut new) = (BTreeSet::new(), BTreeSet::new());
        leaves(&before, "", &mut old);
        leaves(&after, "", &mut new);
        for path in old.union(&new) {
            let pointer = format!("/{}", path.replace('.', "/"));
            if before.pointer(&pointer) != after.pointer(&pointer) {
                fields.insert(path.clone());
            }
        }
        Self { seed, before, after, what, fields }
    }
}

/// A case of any part of the spec, whichever has the most of them.
fn pick<'a>(dice: &mut Rng, cases: &[&'a Case]) -> &'a Case {
    let part = |case: &Case| case.name.split(['.', ' ']).nth(1).map(str::to_owned);
    let parts: BTreeSet<_> = cases.iter().map(|case| part(case)).collect();
    let chosen = dice.choice(parts).expect("a spec has parts");
    let of_part = cases.iter().filter(|case| part(case) == chosen);
    dice.choice(of_part.collect::<Vec<_>>()).expect("a part has cases")
}

/// Lays `over` over `value`, as far as both are objects.
fn merge(value: &mut Value, over: &Value) {
    match (value, over) {
        (Value::Object(value), Value::Object(over)) => {
            for (key, over) in over {
                merge(value.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())), over);
            }
        }
        (value, over) => value.clone_from(over),
    }
}

/// The paths of what is set: everything that is no object, lists whole.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(value, &path, found);
            }
        }
        _ => drop(found.insert(path.to_owned())),
    }
}
