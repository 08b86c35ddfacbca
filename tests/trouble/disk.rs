//! A disk that is full.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use edalab_tests::{
    judge::judge,
    rig::{process::Process, program, service::Service, stand::Stand},
    suite::Outcome,
    wait,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// How long the service may take to notice that the disk has room again.
const HEALED: Duration = Duration::from_secs(30);

/// A small file system of a service, in a mount namespace of its own: nothing of it is left when the test ends.
struct SmallDisk {
    holder: Process,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it over the folder, for whoever enters.
    async fn over(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        fs::create_dir_all(folder)?;
        let mut mount = Command::new("unshare");
        mount.args([
            "--map-root-user",
            "--mount",
            "sh",
            "-ec",
            "mount -t tmpfs -o size=4m tmpfs \"$0\"; exec sleep 600",
        ]);
        mount.arg(folder);
        let log = folder.with_file_name("disk.log");
        let mut disk = Self { holder: Process::start("the disk", &mount, &log)?, folder: folder.to_owned() };
        wait::until("the disk to be mounted", Duration::from_secs(10), async || {
            disk.holder.must_run().map_err(|problem| problem.to_string())?;
            let mounts = fs::read_to_string(format!("/proc/{}/mounts", disk.holder.id()));
            let mounts = mounts.map_err(|problem| problem.to_string())?;
            let mounted = mounts.lines().any(|line| line.split(' ').nth(1) == disk.folder.to_str());
            if mounted { Ok(()) } else { Err("no such mount".to_owned()) }
        })
        .await?;
        Ok(disk)
    }

    /// Runs what is added to it where the disk is.
    fn enter(&self) -> Command {
        let mut enter = Command::new("nsenter");
        enter.args([
            "--user",
            "--mount",
            "--preserve-credentials",
            "--target",
            &self.holder.id().to_string(),
            "--",
        ]);
        enter
    }

    /// A file on it, as seen from here.
    fn file(&self, name: &str) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap_or(&self.folder);
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(folder).join(name)
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> io::Result<()> {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.file("ballast"))?;
        for size in [64 * 1024, 4 * 1024, 1] {
            loop {
                match ballast.write_all(&vec![0; size]) {
                    Ok(()) => {}
                    Err(full) if full.kind() == io::ErrorKind::StorageFull => break,
                    Err(other) => return Err(other),
                }
            }
        }
        Ok(())
    }

    fn make_room(&self) -> io::Result<()> {
        fs::remove_file(self.file("ballast"))
    }
}

/// While the disk is full, quotes are refused with 503, and what is there can be read; nothing is half written. When there is
/// room again, quotes are made again, without a restart; a start with a full disk says so.
pub(crate) async fn full(stand: Arc<Stand>) -> Outcome {
    let lab = "disk";
    let mut quotation = Service::new(stand.settings(program::services().await?, lab))?;
    let disk = SmallDisk::over(&quotation.data()).await?;
    quotation.launch(&quotation.command_under(disk.enter())?)?;
    quotation.ready().await?;
    let mut made = Vec::new();
    for round in 0..3 {
        made.push(quotation.quote("C001", "AUTO", 25_000.0).await?);
        disk.fill()?;
        // The log has some room of its own left, at first.
        let refusal = wait::until("the disk to be full", HEALED, async || match ask(&quotation).await {
            Ok(response) if response.status() == StatusCode::CREATED => {
                made.push(response.json().await.map_err(|problem| problem.to_string())?);
                Err("a quote was made".to_owned())
            }
            answered => answered.map_err(|problem| problem.to_string()),
        })
        .await?;
        refused(refusal).await?;
        for _ in 0..20 {
            refused(ask(&quotation).await?).await?;
        }
        assert_eq!(quotation.look_up("/ready").await?.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(quotation.look_up("/health").await?.status().is_success(), "a restart would not help");
        for devis in &made {
            let path = format!("/api/devis/{}", devis["devisId"].as_str().unwrap_or_default());
            assert_eq!(quotation.get(&path).await?, *devis);
        }
        if round == 1 {
            // A killed service meets the full disk at its start.
            quotation.kill9().await?;
            quotation.launch(&quotation.command_under(disk.enter())?)?;
        }
        disk.make_room()?;
        if round == 1 {
            let alive = wait::until("its end, or its readiness", HEALED, async || {
                match (quotation.ended(), quotation.look_up("/ready").await) {
                    (Ok(Some(_)), _) => Ok(false),
                    (_, Ok(response)) if response.status().is_success() => Ok(true),
                    other => Err(format!("{other:?}")),
                }
            });
            if !alive.await? {
                quotation.launch(&quotation.command_under(disk.enter())?)?;
            }
        }
        quotation.ready().await?;
    }
    made.push(quotation.quote("C001", "AUTO", 25_000.0).await?);

    let listed: Value = quotation.get("/api/devis?clientId=C001&limit=100").await?;
    let listed = listed["devis"].as_array().map_or(0, Vec::len);
    assert_eq!(listed, made.len(), "what was answered with 201 is there, and nothing else");
    // The relay pauses longer and longer while its mark cannot be written.
    let mut reader = stand.reader(lab)?;
    let verdict = wait::until("the event of every quote", HEALED, async || {
        let records = reader.catch_up().map_err(|problem| problem.to_string())?;
        match judge(records).map_err(|broken| broken.join("\n"))? {
            verdict if verdict.distinct == made.len() => Ok(verdict),
            other => Err(format!("{other:?} of {}", made.len())),
        }
    })
    .await?;
    quotation.stop().await?;
    println!("{} quotes around three full disks; {} records came twice", made.len(), verdict.repeats);
    Ok(())
}

async fn ask(quotation: &Service) -> Result<Response, reqwest::Error> {
    quotation.post(&json!({"clientId": "C001", "typeBien": "AUTO", "valeur": 25_000})).await
}

async fn refused(response: Response) -> Outcome {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    let problem: Value = response.json().await?;
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("database")), "{problem}");
    Ok(())
}
