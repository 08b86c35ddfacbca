//! What `edalab` leaves of itself on a machine: nothing after `down`, and a working lab after any interruption.
//!
//! Each of these takes minutes and needs root, so they run by `make test-machine` only. They use the ordinary home, with
//! what was built in its cache, and refuse to run while a lab of it stands.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

const EDALAB: &str = env!("CARGO_BIN_EXE_edalab");
const NAME: &str = "edalab-machine";
const INTERRUPTIONS: u32 = 10;

#[test]
#[ignore = "takes minutes: make test-machine"]
fn an_interrupted_up_is_taken_up_again_and_down_leaves_nothing() {
    assert!(clusters().is_empty(), "take the labs of this home down first: {:?}", clusters());
    run(&["down"]);
    let before = Traces::seen();

    let begun = Instant::now();
    run(&["up", "--port-offset", "20000"]);
    let whole = begun.elapsed();
    println!("up, undisturbed: {:.0} s", whole.as_secs_f32());
    run(&["down"]);
    before.assert_unchanged("after up and down");

    for round in 1..=INTERRUPTIONS {
        let moment = random_part_of(whole);
        let mut up = start(&["up", "--port-offset", "20000"]);
        thread::sleep(moment);
        up.kill().unwrap(); // SIGKILL: nothing is tidied up
        up.wait().unwrap();
        let again = Instant::now();
        run(&["up", "--port-offset", "20000"]);
        run(&["health"]);
        println!(
            "interruption {round}: killed after {:.1} s, then up in {:.0} s",
            moment.as_secs_f32(),
            again.elapsed().as_secs_f32()
        );
        run(&["down"]);
        before.assert_unchanged(&format!("after interruption {round}"));
    }
}

#[test]
#[ignore = "takes minutes: make test-machine"]
fn a_stop_and_a_killed_engine_keep_the_data() {
    assert!(clusters().is_empty(), "take the labs of this home down first: {:?}", clusters());
    run(&["down"]);
    let before = Traces::seen();
    run(&["up", "--port-offset", "20000"]);
    quote();
    let events = output(&["events", "--max", "1"]);
    assert!(events.contains("DevisGenere"), "{events}");

    run(&["stop"]);
    before.assert_unchanged_but_mounts("while stopped");
    run(&["up"]);
    assert_eq!(output(&["events", "--max", "1"]), events, "the event is still the first one after a stop");

    let links = names_in("/sys/class/net").len();
    for daemon in ["dockerd", "containerd"] {
        kill_recorded(daemon);
    }
    run(&["up"]);
    assert_eq!(names_in("/sys/class/net").len(), links, "the killed node's link would answer in its place");
    assert_eq!(
        output(&["events", "--max", "1"]),
        events,
        "the event is still the first one after a killed engine"
    );
    run(&["down"]);
    before.assert_unchanged("after down");
}

/// What a container engine and a cluster are made of, as this machine shows it.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    /// Programs of the lab's folder, and whatever lives in another process namespace.
    processes: BTreeSet<String>,
    mounts: BTreeSet<String>,
    /// Network interfaces, bridges among them.
    links: BTreeSet<String>,
    network_namespaces: BTreeSet<String>,
    firewall: String,
    folders: BTreeSet<PathBuf>,
}

impl Traces {
    fn seen() -> Self {
        let own_namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        let (mut processes, mut network_namespaces) = (BTreeSet::new(), BTreeSet::new());
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.path();
            let Ok(namespace) = fs::read_link(process.join("ns/pid")) else { continue };
            let program = fs::read_link(process.join("exe")).unwrap_or_default();
            if namespace != own_namespace || program.starts_with(home()) {
                let id = entry.file_name();
                processes.insert(format!("{} {}", id.display(), program.display()));
            }
            network_namespaces.extend(fs::read_link(process.join("ns/net")).map(|n| n.display().to_string()));
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        Self {
            processes,
            mounts: mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(String::from).collect(),
            links: names_in("/sys/class/net"),
            network_namespaces,
            firewall: firewall(),
            folders: names_in("/run")
                .into_iter()
                .filter(|n| n.contains("edalab"))
                .map(PathBuf::from)
                .collect(),
        }
    }

    fn assert_unchanged(&self, when: &str) {
        assert_eq!(*self, Self::seen(), "{when}");
    }

    /// While a lab is stopped, its engine is gone too; only the folder under /run may be there no more than before.
    fn assert_unchanged_but_mounts(&self, when: &str) {
        let now = Self::seen();
        assert_eq!((&self.processes, &self.firewall), (&now.processes, &now.firewall), "{when}");
    }
}

fn names_in(folder: &str) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Every rule of every table, by the iptables that the lab itself unpacked; its comments carry the time and are left out.
fn firewall() -> String {
    let tools = output(&["build", "tools"]);
    let tools = Path::new(tools.trim().strip_prefix("tools: ").unwrap());
    let save = Command::new(tools.join("usr/sbin/xtables-nft-multi"))
        .arg("iptables-save")
        .env("LD_LIBRARY_PATH", tools.join("usr/lib/x86_64-linux-gnu"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&save.stdout)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
}

fn home() -> PathBuf {
    std::env::var_os("EDALAB_HOME")
        .map_or_else(|| std::env::home_dir().unwrap().join(".local/share/edalab"), PathBuf::from)
}

fn clusters() -> Vec<PathBuf> {
    fs::read_dir(home().join("clusters")).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn edalab(arguments: &[&str]) -> Command {
    let mut edalab = Command::new(EDALAB);
    edalab.args(arguments).args(["--name", NAME]).stdin(Stdio::null());
    edalab
}

fn run(arguments: &[&str]) {
    let output = edalab(arguments).output().unwrap();
    assert!(output.status.success(), "edalab {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn output(arguments: &[&str]) -> String {
    let output = edalab(arguments).output().unwrap();
    assert!(output.status.success(), "edalab {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn start(arguments: &[&str]) -> Child {
    edalab(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn quote() {
    let body = r#"{"clientId": "C001", "typeBien": "AUTO", "valeur": 25000}"#;
    let url = "http://127.0.0.1:28081/api/devis";
    let curl = Command::new("curl")
        .args([
            "--silent",
            "--fail",
            "--max-time",
            "10",
            "-H",
            "content-type: application/json",
            "-d",
            body,
            url,
        ])
        .output()
        .unwrap();
    assert!(curl.status.success(), "{}", String::from_utf8_lossy(&curl.stderr));
}

/// SIGKILL to a daemon of the private engine, by the id that was recorded at its start.
fn kill_recorded(daemon: &str) {
    let run = names_in("/run").into_iter().find(|name| name.starts_with("edalab-")).expect("an engine runs");
    let id = fs::read_to_string(Path::new("/run").join(run).join(format!("{daemon}.id"))).unwrap();
    assert!(Command::new("kill").args(["-9", id.trim()]).status().unwrap().success());
}

fn random_part_of(whole: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    whole.mul_f64(f64::from(nanos) / 1e9)
}
