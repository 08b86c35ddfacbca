//! The container engine: the one that the machine has, or a private one.
//!
//! The private engine is Debian's, with a containerd, a socket, folders and a namespace of its own, so that it neither
//! adopts what another engine left nor leaves anything that another would find. It has no default bridge and writes no
//! iptables rule: published ports on 127.0.0.1 go through docker-proxy, which needs none.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::Instant};

use crate::{
    build::debian::with_tools,
    error::{Error, Result},
    home::Home,
    progress::Progress,
};

/// How long an engine may take to answer after its start. It takes about one second.
const START: Duration = Duration::from_secs(60);
/// How long it may take to end its containers and itself.
const STOP: Duration = Duration::from_secs(60);

/// The machine's network interfaces.
const LINKS: &str = "/sys/class/net";

/// The control group of all containers of the private engine.
const CGROUP: &str = "edalab";

/// The name under which our own program is called as the private engine's OCI runtime.
pub(crate) const OCI_RUNTIME: &str = "edalab-oci-runtime";

/// A way to call `docker`.
#[derive(Debug, Clone)]
pub(crate) enum Engine {
    /// Docker Desktop, or any engine that `docker` reaches by itself.
    Existing,
    Private {
        tools: PathBuf,
        run: PathBuf,
        data: PathBuf,
        logs: PathBuf,
    },
}

impl Engine {
    pub(crate) fn private(home: &Home, tools: PathBuf) -> Self {
        Self::Private { tools, run: home.run(), data: home.engine(), logs: home.logs() }
    }

    pub(crate) fn docker(&self, arguments: &[&str]) -> Command {
        let mut docker = self.prepare(Command::new("docker"));
        docker.args(arguments);
        docker
    }

    /// Lets a program that calls docker (kind does) reach this engine.
    pub(crate) fn prepare(&self, mut command: Command) -> Command {
        command.env("KIND_EXPERIMENTAL_PROVIDER", "docker");
        if let Self::Private { tools, run, .. } = self {
            with_tools(&mut command, tools);
            // Debian's client builds by BuildKit only with a plugin that it does not carry
            command.env("DOCKER_HOST", socket(run)).env("DOCKER_BUILDKIT", "0").env_remove("DOCKER_CONTEXT");
            // nobody's credentials or proxies are this engine's business
            command.env("DOCKER_CONFIG", run.join("client"));
        }
        command
    }

    /// Whether the engine answers.
    pub(crate) async fn answers(&self) -> bool {
        let mut command = self.docker(&["version", "--format", "{{.Server.Version}}"]);
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
        tokio::time::timeout(Duration::from_secs(10), output)
            .await
            .is_ok_and(|result| result.is_ok_and(|output| output.status.success()))
    }

    pub(crate) async fn has_image(&self, reference: &str) -> Result<bool> {
        self.succeeds(&["image", "inspect", reference]).await
    }

    /// Whether a docker command ends well; its output is not wanted.
    pub(crate) async fn succeeds(&self, arguments: &[&str]) -> Result<bool> {
        let mut command = self.docker(arguments);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        Ok(status.await.map_err(|e| Error::io("start docker", e))?.success())
    }

    /// What a docker command prints; nothing where it fails.
    pub(crate) async fn output(&self, arguments: &[&str]) -> Result<Option<String>> {
        let mut command = self.docker(arguments);
        let output = command.stdin(Stdio::null()).output().await.map_err(|e| Error::io("start docker", e))?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }

    /// Whether no container runs.
    pub(crate) async fn is_idle(&self) -> Result<bool> {
        Ok(self.output(&["ps", "--quiet"]).await?.is_some_and(|containers| containers.is_empty()))
    }

    /// Removes a network of the private engine, if it is there, with its bridge and all that hangs on the bridge.
    pub(crate) async fn remove_network(&self, name: &str) -> Result<()> {
        let Some(id) = self.output(&["network", "inspect", "--format", "{{.Id}}", name]).await? else {
            return Ok(());
        };
        let links = links_on(&bridge(&id));
        if !self.succeeds(&["network", "rm", name]).await? {
            return Err(Error::Cannot {
                what: format!("the engine's network {name:?} is still in use"),
                next: "run `edalab down` again; `docker network inspect` names who uses it".into(),
            });
        }
        self.remove_links(&links).await
    }

    /// Removes from our bridges those links that were there before this engine started: the killed one before it left
    /// them. A container that is started again gets the address of its former self, which would answer in its place now
    /// and then as long as it hangs on the bridge.
    async fn remove_links_from_before(&self, before: &[String]) -> Result<()> {
        let networks = ["network", "ls", "--quiet", "--no-trunc", "--filter", "driver=bridge"];
        for id in self.output(&networks).await?.unwrap_or_default().lines() {
            let mut links = links_on(&bridge(id));
            links.retain(|link| before.contains(link));
            self.remove_links(&links).await?;
        }
        Ok(())
    }

    async fn remove_links(&self, links: &[String]) -> Result<()> {
        for link in links.iter().filter(|link| Path::new(LINKS).join(link).exists()) {
            let mut delete = self.prepare(Command::new("busybox"));
            // one that ended by itself meanwhile is as good as deleted
            let delete = delete.args(["ip", "link", "del", link]).stderr(Stdio::null()).status().await;
            delete.map_err(|e| Error::io("start busybox", e))?;
        }
        Ok(())
    }

    /// Starts the private engine where it does not run; does nothing for an existing one.
    pub(crate) async fn start(&self, progress: &Progress) -> Result<()> {
        let Self::Private { tools, run, data, logs } = self else {
            return Ok(());
        };
        if self.answers().await {
            return Ok(());
        }
        let step = progress.step(
            "engine",
            "Docker engine, private to the lab",
            "look into the logs beside this one",
        )?;
        for folder in [run, data, logs, &run.join("client")] {
            fs::create_dir_all(folder).map_err(|e| Error::path("create", folder, e))?;
        }
        let runtime = run.join(OCI_RUNTIME);
        let own = std::env::current_exe().map_err(|e| Error::io("find this program", e))?;
        let _ = fs::remove_file(&runtime); // one that runs cannot be written to, but it can be replaced
        fs::copy(&own, &runtime).map_err(|e| Error::path("copy", &own, e))?;

        let containerd_socket = run.join("containerd.sock");
        if running(run, "containerd").is_none() {
            let config = run.join("containerd.toml");
            fs::write(&config, containerd_config(run)).map_err(|e| Error::path("write", &config, e))?;
            let mut containerd = recorded(run, &tools.join("usr/bin/containerd"), "containerd");
            containerd.arg("--config").arg(config);
            containerd.arg("--root").arg(data.join("containerd")).arg("--state").arg(run.join("containerd"));
            containerd.arg("--address").arg(&containerd_socket);
            spawn(with_tools(&mut containerd, tools), logs, "containerd")?;
        }
        let mut ctr = Command::new(tools.join("usr/bin/ctr"));
        ctr.arg("--address").arg(&containerd_socket).arg("version").stdin(Stdio::null());
        ctr.stdout(Stdio::null()).stderr(Stdio::null());
        let deadline = Instant::now() + START;
        while !ctr.status().await.is_ok_and(|status| status.success()) {
            wait_for_start(deadline, &step, run, "containerd").await?;
        }

        // None where it runs already and does not answer yet: some links may be of its own by now.
        let mut before = Vec::new();
        if running(run, "dockerd").is_none() {
            before = names_in(Path::new(LINKS));
            let config = run.join("daemon.json");
            fs::write(&config, docker_config(run)).map_err(|e| Error::path("write", &config, e))?;
            let _ = fs::remove_file(run.join("docker.pid")); // a killed one's would stop this one
            let mut dockerd = recorded(run, &tools.join("usr/sbin/dockerd"), "dockerd");
            dockerd.arg("--config-file").arg(config);
            dockerd.arg("--containerd").arg(&containerd_socket);
            dockerd.args([
                "--containerd-namespace",
                "edalab",
                "--containerd-plugins-namespace",
                "edalab-plugins",
            ]);
            dockerd.arg("--data-root").arg(data.join("docker")).arg("--exec-root").arg(run.join("docker"));
            dockerd.arg("--pidfile").arg(run.join("docker.pid")).arg("--host").arg(socket(run));
            dockerd.args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
            // lowering its score needs CAP_SYS_RESOURCE, which the machine may lack
            dockerd.arg("--oom-score-adjust=0");
            dockerd
                .arg(format!("--add-runtime=edalab={}", runtime.display()))
                .arg("--default-runtime=edalab");
            spawn(with_tools(&mut dockerd, tools), logs, "dockerd")?;
        }
        while !self.answers().await {
            wait_for_start(deadline, &step, run, "dockerd").await?;
        }
        self.remove_links_from_before(&before).await?;
        step.done();
        Ok(())
    }

    /// Ends the private engine, with everything of its own but images and volumes. Safe when it does not run.
    pub(crate) async fn stop(&self, progress: &Progress) -> Result<()> {
        let Self::Private { run, data, .. } = self else {
            return Ok(());
        };
        for name in ["dockerd", "containerd"] {
            end(run, name).await?;
        }
        unmount_below(&[run, data], progress).await?;
        crate::build::remove(run)?;
        remove_traces();
        Ok(())
    }
}

/// Plugins of other engines are not looked for.
fn containerd_config(run: &Path) -> String {
    format!(
        "version = 2\n[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"{}\"\n",
        run.join("opt").display()
    )
}

/// Not the machine's own configuration, and no key below /etc.
fn docker_config(run: &Path) -> String {
    serde_json::json!({"deprecated-key-path": run.join("key.json")}).to_string()
}

/// The bridge that docker makes for a network.
fn bridge(network_id: &str) -> String {
    format!("br-{}", &network_id[..network_id.len().min(12)])
}

/// The host's ends of the links on a bridge. A container's ends with its network namespace, and a namespace whose engine
/// was killed lives on for minutes, until its last connections time out.
fn links_on(bridge: &str) -> Vec<String> {
    names_in(&Path::new(LINKS).join(bridge).join("brif"))
}

/// The names in a folder; none where there is no such folder.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Folders that the daemons make at fixed places, and empty control groups. Only empty ones go: what another engine uses
/// is not empty.
fn remove_traces() {
    let groups =
        fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|tree| tree.path().join(CGROUP));
    for group in groups.chain([Path::new("/sys/fs/cgroup").join(CGROUP)]) {
        remove_empty(&group);
    }
    for folder in ["/run/docker/plugins", "/run/docker", "/run/containerd/s", "/run/containerd"] {
        let _ = fs::remove_dir(folder);
    }
}

/// Removes a control group and those below it; one with a process in it stays.
fn remove_empty(group: &Path) {
    for below in fs::read_dir(group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove_empty(&below.path());
    }
    let _ = fs::remove_dir(group);
}

fn socket(run: &Path) -> String {
    format!("unix://{}", run.join("docker.sock").display())
}

async fn wait_for_start(
    deadline: Instant,
    step: &crate::progress::Step,
    run: &Path,
    name: &str,
) -> Result<()> {
    if Instant::now() > deadline || running(run, name).is_none() {
        return Err(step.error(&format!("{name} does not answer; its own log is {name}.log")));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(())
}

/// A program that writes its own process id down before it is what it is: killed at any moment, we know what we started.
fn recorded(run: &Path, program: &Path, name: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$ >\"$1\" && shift && exec \"$@\"", name]);
    command.arg(run.join(format!("{name}.id"))).arg(program);
    command
}

/// Starts a daemon in a process group of its own, so that Ctrl-C at the terminal does not reach it.
fn spawn(command: &mut Command, logs: &Path, name: &str) -> Result<()> {
    let log = logs.join(format!("{name}.log"));
    let file = File::create(&log).map_err(|e| Error::path("write", &log, e))?;
    let errors = file.try_clone().map_err(|e| Error::path("write", &log, e))?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|e| Error::io(&format!("start {name}"), e))?;
    Ok(())
}

/// The id of a daemon that we started and that still runs. An id that another program has by now is not it.
fn running(run: &Path, name: &str) -> Option<i32> {
    let id: i32 = fs::read_to_string(run.join(format!("{name}.id"))).ok()?.trim().parse().ok()?;
    let program = fs::read_link(format!("/proc/{id}/exe")).ok()?;
    // " (deleted)" follows the name when the cache was removed while it ran
    program.file_name()?.to_string_lossy().starts_with(name).then_some(id)
}

#[cfg(target_os = "linux")]
async fn end(run: &Path, name: &str) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let Some(id) = running(run, name) else { return Ok(()) };
    let pid = Pid::from_raw(id).expect("a recorded id is positive");
    let process = PathBuf::from(format!("/proc/{id}"));
    let deadline = Instant::now() + STOP;
    // its program is no longer told while it exits, so what is waited for is its entry
    while process.exists() {
        let signal = if Instant::now() > deadline { Signal::KILL } else { Signal::TERM };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(e) => return Err(Error::io(&format!("end {name} (process {id})"), e.into())),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
async fn end(_run: &Path, _name: &str) -> Result<()> {
    Ok(()) // there is no private engine here
}

/// Takes down what a killed engine left mounted below its folders, deepest first.
async fn unmount_below(folders: &[&PathBuf], progress: &Progress) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut left: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4)) // proc(5): the fifth field is the mount point
        .filter(|point| folders.iter().any(|folder| Path::new(point).starts_with(folder)))
        .collect();
    left.sort_by_key(|point| std::cmp::Reverse(point.len()));
    for point in left {
        progress.say(format!("  left mounted, taken down: {point}"));
        let status = Command::new("umount").arg("--lazy").arg(point).status().await;
        status.map_err(|e| Error::io("start umount", e))?;
    }
    Ok(())
}
