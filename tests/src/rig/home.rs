//! The folder of the `edalab` command, and in it the one where the tests keep what they made once.

use std::{env, path::PathBuf};

/// `$EDALAB_HOME`, by default `$XDG_DATA_HOME/edalab` or `~/.local/share/edalab`, as for `edalab` itself.
pub fn root() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("EDALAB_HOME")
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("edalab")))
        .or_else(|| env::home_dir().map(|home| home.join(".local/share/edalab")))
        .unwrap_or_else(|| env::temp_dir().join("edalab"))
}

/// Where what is made once is kept.
pub fn cache() -> PathBuf {
    root().join("cache")
}
