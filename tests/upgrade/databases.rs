//! The databases that each release wrote, kept as SQL with what its API answered: `tests/released/<version>/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use edalab_tests::{
    reader::Reader,
    rig::{
        kafka::Kafka,
        process,
        program::{self, ROOT},
        service::{Service, Settings},
        stand::{QUOTATION, Stand},
    },
    suite::Outcome,
    wait,
};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

const ARRIVAL: Duration = Duration::from_secs(60);
/// What each service is asked for, of the client whose quotes and contracts are written down.
const LISTS: [(&str, &str); 2] = [
    ("quotation", "/api/devis?clientId=C001&limit=100"),
    ("souscription", "/api/contrats?clientId=C001&limit=100"),
];
/// Events that wait in the quotation's outbox.
const WAITING: usize = 3;

/// Whether an answer still says all that it said; a later version may say more.
fn says(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(name, then)| now.get(name).is_some_and(|now| says(now, then)))
        }
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| says(now, then))
        }
        (now, then) => now == then,
    }
}

/// Whatever release wrote a database, its quotes and contracts are told as it told them, its waiting events are published,
/// and the numbers go on where they were.
pub(crate) async fn every_release(stand: Arc<Stand>) -> Outcome {
    let mut releases = 0;
    for entry in fs::read_dir(released())? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        let version = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kafka = Kafka::start(&stand.parts).await?;
        let settings = Settings {
            bootstrap: kafka.bootstrap(),
            ..stand.settings(program::services().await?, &format!("release-{version}"))
        };
        for (name, list) in LISTS {
            let mut service = Service::new(Settings { service: name, ..settings.clone() })?;
            let last = restore(&service, &folder.join(format!("{name}.sql")))?;
            service.restart().await?;
            let told: Value =
                serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json")))?)?;
            let tells = service.get(list).await?;
            assert!(says(&tells, &told), "{version}: {list} was {told}\nand is {tells}");
            if name == "quotation" {
                service.quote("C001", "AUTO", 1_000.0).await?;
                let mut reader = Reader::new(&kafka.bootstrap(), QUOTATION, &service.source())?;
                let numbers = wait::until("the events that waited", ARRIVAL, async || {
                    let records = reader.catch_up().map_err(|problem| problem.to_string())?;
                    let mut numbers: Vec<i64> =
                        records.iter().map(|record| record.event.sequence.0).collect();
                    numbers.sort_unstable();
                    if numbers.len() > WAITING { Ok(numbers) } else { Err(format!("{numbers:?}")) }
                })
                .await?;
                let first = last - i64::try_from(WAITING)? + 1;
                assert_eq!(numbers, (first..=last + 1).collect::<Vec<_>>(), "{version}");
            }
        }
        println!("{version}: its databases are read");
        releases += 1;
    }
    assert!(releases > 0, "no release is written down");
    Ok(())
}

/// Makes the database anew; the number of the last event. The broker that its offsets belong to is gone, and with it what
/// `edalab reset --data` removes.
fn restore(service: &Service, sql: &Path) -> Result<i64, Box<dyn std::error::Error>> {
    fs::create_dir_all(service.data())?;
    let database = Connection::open(service.database())?;
    // Tables come in the order of their names, and refer to each other.
    database.pragma_update(None, "foreign_keys", false)?;
    database.execute_batch(&fs::read_to_string(sql)?)?;
    database
        .execute_batch("DELETE FROM inbox; DELETE FROM consumer_offset; DELETE FROM consumer_cluster;")?;
    let last = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)";
    Ok(database.query_row(last, [], |row| row.get(0))?)
}

/// Writes down what the release before leaves, under the version that `RELEASE` names; for whoever makes a release.
pub(crate) async fn write_down(stand: Arc<Stand>) -> Outcome {
    let version =
        std::env::var("RELEASE").map_err(|_| "set RELEASE to the version that tests/released/before is")?;
    let folder = released().join(version);
    fs::create_dir_all(&folder)?;
    let mut kafka = Kafka::start(&stand.parts).await?;
    let settings = Settings {
        bootstrap: kafka.bootstrap(),
        validity: "10s".to_owned(),
        ..stand.settings(&program::before("edalab-services").await?, "released")
    };
    let mut quotation = Service::start(settings.clone()).await?;
    let mut souscription = Service::start(Settings { service: "souscription", ..settings }).await?;
    let mut quotes = Vec::new();
    for (good, value) in [("AUTO", 25_000.0), ("HABITATION", 123_456.78), ("AUTRE", 0.01), ("AUTO", 80_000.0)]
    {
        quotes.push(quotation.quote("C001", good, value).await?);
    }
    for devis in &quotes[..3] {
        souscription.convert(devis["devisId"].as_str().ok_or("a quote without an id")?).await?;
    }
    let contrats = souscription.get(LISTS[1].1).await?;
    let contrat = |number: usize| {
        format!("/api/contrats/{}", contrats["contrats"][number]["contratId"].as_str().unwrap_or_default())
    };
    let suspended = json!({"modification": "SUSPENSION", "valeur": "impayé"});
    souscription
        .send(Method::PUT, &format!("{}/modifier", contrat(0)), &suspended)
        .await?
        .error_for_status()?;
    souscription
        .send(Method::POST, &format!("{}/resilier", contrat(1)), &json!({"motif": "vente"}))
        .await?
        .error_for_status()?;
    wait::until("quotes to be converted and to expire", ARRIVAL, async || {
        let page = quotation.get(LISTS[0].1).await.map_err(|problem| problem.to_string())?;
        let statuts: Vec<&Value> =
            page["devis"].as_array().into_iter().flatten().map(|devis| &devis["statut"]).collect();
        if statuts == ["EXPIRE", "CONVERTI", "CONVERTI", "CONVERTI"] { Ok(()) } else { Err(page.to_string()) }
    })
    .await?;
    quotation.stop().await?;
    quotation.set_validity("3650d");
    quotation.restart().await?;
    kafka.stop().await?;
    for _ in 0..WAITING {
        quotation.quote("C001", "AUTO", 5_000.0).await?;
    }
    for (service, (name, list)) in [&mut quotation, &mut souscription].into_iter().zip(LISTS) {
        fs::write(
            folder.join(format!("{name}.json")),
            serde_json::to_string_pretty(&service.get(list).await?)? + "\n",
        )?;
        service.stop().await?;
        fs::write(folder.join(format!("{name}.sql")), dump(&service.database()).await?)?;
    }
    println!("{}", folder.display());
    Ok(())
}

/// A database as the statements that make it.
async fn dump(database: &Path) -> Result<String, process::ProcessError> {
    let script = "import sqlite3, sys\nfor line in sqlite3.connect(sys.argv[1]).iterdump(): print(line)";
    process::output(Command::new("python3").args(["-c", script]).arg(database)).await
}

fn released() -> PathBuf {
    Path::new(ROOT).join("tests/released")
}
