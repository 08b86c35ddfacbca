//! What a machine must have before anything is started, told in one sentence with the way out.

use std::{env, path::Path};

use crate::{
    cluster::EngineKind,
    engine::Engine,
    error::{Error, Result},
    home::Home,
    versions::VERSIONS,
};

/// Room that a cold build takes, in bytes: 9 GB were seen, most of it compilers' caches and images.
const DISK: u64 = 12 << 30;
/// Memory for the lab and a compiler beside it, in bytes.
const MEMORY: u64 = 3 << 30;

/// Which engine `edalab up` uses when nobody chose: Docker where it answers, a private engine on a bare Linux machine.
pub(crate) async fn choose() -> Result<EngineKind> {
    if Engine::Existing.answers().await {
        return Ok(EngineKind::Existing);
    }
    if cfg!(target_os = "linux") {
        return Ok(EngineKind::Private);
    }
    Err(Error::Cannot {
        what: "no Docker engine answers, and only Linux can do without".into(),
        next: "start Docker Desktop, then run the same command again".into(),
    })
}

/// Checks what the chosen way needs. `making`: the cluster is not there yet, so it needs room.
pub(crate) fn check(engine: EngineKind, home: &Home, making: bool) -> Result<()> {
    match engine {
        EngineKind::Existing => {
            need_programs(&[("kind", "https://kind.sigs.k8s.io"), ("helm", "https://helm.sh")])
        }
        EngineKind::Private => bare(home, making),
    }
}

#[cfg(target_os = "linux")]
fn bare(home: &Home, making: bool) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(cannot(
            "without a Docker engine the lab starts one of its own, and that needs root",
            "run the command as root, or start a Docker engine that `docker info` reaches",
        ));
    }
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !release.lines().any(|line| line == format!("VERSION_CODENAME={}", VERSIONS.debian.release)) {
        return Err(cannot(
            &format!(
                "the images of a bare machine are built from Debian {:?}, and this is another system",
                VERSIONS.debian.release
            ),
            "start a Docker engine that `docker info` reaches: then the upstream images are pulled",
        ));
    }
    need_programs(&[
        ("apt-get", "Debian's package apt"),
        ("go", "Go 1.25 or later: https://go.dev/dl"),
        ("gcc", "apt-get install gcc libc6-dev"),
        ("python3", "apt-get install python3 python3-pip"),
        ("mvn", "apt-get install maven"),
        ("cargo", "https://rustup.rs"),
        ("ip", "apt-get install iproute2"),
    ])?;
    if !making {
        return Ok(());
    }
    std::fs::create_dir_all(home.root()).map_err(|e| Error::path("create", home.root(), e))?;
    // what is built already needs no room again
    let needed = if home.bin().exists() { DISK / 4 } else { DISK };
    let disk = rustix::fs::statvfs(home.root()).map_err(|e| Error::path("look at", home.root(), e.into()))?;
    enough(
        "disk",
        disk.f_bavail * disk.f_frsize,
        needed,
        "free some, or set EDALAB_HOME to a folder on a larger disk",
    )?;
    let memory = available_memory(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default());
    enough("memory", memory, MEMORY, "end something large, or take a larger machine")
}

#[cfg(not(target_os = "linux"))]
fn bare(_home: &Home, _making: bool) -> Result<()> {
    Err(cannot(
        "only Linux can do without a Docker engine",
        "start Docker Desktop, then run the same command again",
    ))
}

fn need_programs(programs: &[(&str, &str)]) -> Result<()> {
    let path = env::var_os("PATH").unwrap_or_default();
    let missing: Vec<&(&str, &str)> = programs.iter().filter(|(name, _)| !on_path(name, &path)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let ways: Vec<&str> = missing.iter().map(|(_, way)| *way).collect();
    Err(cannot(&format!("not found on the PATH: {}", names.join(", ")), &ways.join("; ")))
}

fn on_path(program: &str, path: &std::ffi::OsStr) -> bool {
    env::split_paths(path).any(|folder| {
        let file = folder.join(program);
        file.is_file() || Path::new(&file).with_extension("exe").is_file()
    })
}

/// MemAvailable of /proc/meminfo, in bytes; proc(5) gives it in KiB.
fn available_memory(meminfo: &str) -> u64 {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix("kB")?.trim().parse().ok())
        .map_or(u64::MAX, |kib: u64| kib * 1024)
}

fn enough(what: &str, have: u64, need: u64, next: &str) -> Result<()> {
    if have >= need {
        return Ok(());
    }
    let gigabytes = |bytes: u64| format!("{}.{} GB", bytes >> 30, ((bytes % (1 << 30)) * 10) >> 30);
    Err(cannot(
        &format!("{} of {what} are free, and the lab needs {}", gigabytes(have), gigabytes(need)),
        next,
    ))
}

fn cannot(what: &str, next: &str) -> Error {
    Error::Cannot { what: what.into(), next: next.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_named_with_the_way_to_get_them() {
        let message =
            need_programs(&[("sh", "-"), ("no-such-program", "apt-get install it")]).unwrap_err().to_string();
        assert!(message.contains("no-such-program") && message.contains("apt-get install it"), "{message}");
        assert!(!message.contains("sh,"), "{message}");
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(available_memory("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), 2 << 20);
    }

    #[test]
    fn too_little_says_how_much_is_needed() {
        let message = enough("disk", 1 << 30, 12 << 30, "free some").unwrap_err().to_string();
        assert!(message.contains("1.0 GB of disk") && message.contains("12.0 GB"), "{message}");
    }
}
