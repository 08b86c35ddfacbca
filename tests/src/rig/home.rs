//! Where the tests keep what they made once: the cache folder of the `edalab` command.

use std::{env, path::PathBuf};

/// `$EDALAB_HOME/cache`, by default under `$XDG_DATA_HOME/edalab` or `~/.local/share/edalab`, as for `edalab` itself.
pub fn cache() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("EDALAB_HOME")
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("edalab")))
        .or_else(|| env::home_dir().map(|home| home.join(".local/share/edalab")))
        .unwrap_or_else(|| env::temp_dir().join("edalab"))
        .join("cache")
}
