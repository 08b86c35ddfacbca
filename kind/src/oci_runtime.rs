//! runc behind a filter: takes out of a container's request the capabilities that this machine itself lacks.
//!
//! A privileged container asks for every capability there is, and runc refuses the whole container ("unable to apply
//! caps") when the machine lacks one, as small virtual machines often lack CAP_SYS_RESOURCE. Where nothing is lacking,
//! the filter changes nothing.

use std::{fs, os::unix::process::CommandExt, path::Path, process::Command};

use serde_json::Value;

use crate::error::{Error, Result};

/// linux/capability.h, in the order of their numbers.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Narrows what `create`, `run` and `exec` ask for, then becomes runc. Returns only when that fails.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let status =
        fs::read_to_string("/proc/self/status").map_err(|e| Error::io("read /proc/self/status", e))?;
    let bounding = bounding_set(&status);
    let value_of = |flag: &str| arguments.iter().skip_while(|a| *a != flag).nth(1);
    if let Some(bundle) = value_of("--bundle") {
        narrow_file(&Path::new(bundle).join("config.json"), Some("process"), bounding)?;
    }
    if let Some(process) = value_of("--process") {
        narrow_file(Path::new(process), None, bounding)?;
    }
    Err(Error::io("start runc", Command::new("runc").args(arguments).exec()))
}

fn narrow_file(path: &Path, key: Option<&str>, bounding: u64) -> Result<()> {
    let text = fs::read(path).map_err(|e| Error::path("read", path, e))?;
    let mut spec: Value = serde_json::from_slice(&text).map_err(|e| Error::path("read", path, e.into()))?;
    let process = match key {
        Some(key) => &mut spec[key],
        None => &mut spec,
    };
    narrow(process, bounding);
    fs::write(path, spec.to_string()).map_err(|e| Error::path("write", path, e))
}

/// `process` as in the OCI runtime specification; its five sets of capabilities lose what `bounding` lacks.
fn narrow(process: &mut Value, bounding: u64) {
    let has = |name: &str| {
        name.strip_prefix("CAP_")
            .and_then(|name| NAMES.iter().position(|known| *known == name))
            .is_some_and(|bit| bounding >> bit & 1 == 1)
    };
    let sets = process.get_mut("capabilities").and_then(Value::as_object_mut);
    for set in sets.into_iter().flat_map(|sets| sets.values_mut()) {
        if let Some(list) = set.as_array_mut() {
            list.retain(|name| name.as_str().is_some_and(has));
        }
    }
}

/// The capabilities that no process here can have more than, from the text of /proc/self/status.
fn bounding_set(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("CapBnd:")?.trim(), 16).ok())
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_machine_lacks_is_taken_out() {
        let without_sys_resource = bounding_set("Name:\tx\nCapBnd:\t000001fffeffffff\n");
        let mut process = json!({"args": ["sh"], "capabilities": {
            "bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_CHECKPOINT_RESTORE"], "ambient": []}});
        narrow(&mut process, without_sys_resource);
        assert_eq!(process["capabilities"]["bounding"], json!(["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"]));
        assert_eq!(process["args"], json!(["sh"]));
    }

    #[test]
    fn a_process_without_capabilities_stays() {
        let mut process = json!({"args": ["sh"]});
        narrow(&mut process, 0);
        assert_eq!(process, json!({"args": ["sh"]}));
    }
}
