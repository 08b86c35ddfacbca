//! Hashes of what something is built from: the key of the cache, and the tag of our images.

use std::{fs, path::Path};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Twelve hexadecimal digits of the SHA-256 of `bytes`.
pub(crate) fn short_hash(bytes: impl AsRef<[u8]>) -> String {
    Inputs::new().add(bytes).finish()
}

/// Collects inputs in order; each is delimited by its length, so that no two lists of inputs look alike.
#[derive(Default)]
pub(crate) struct Inputs(Sha256);

impl Inputs {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The inputs of something that a list of texts determines.
    pub(crate) fn of(texts: &[&str]) -> Self {
        texts.iter().fold(Self::new(), Self::add)
    }

    pub(crate) fn add(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Every file below `path` (or the file itself), by relative name and content, but what no program is made of: build
    /// output, documents and the tests' snapshots.
    pub(crate) fn add_tree(mut self, root: &Path, path: &str) -> Result<Self> {
        let full = root.join(path);
        if full.is_dir() {
            let mut names: Vec<String> = fs::read_dir(&full)
                .map_err(|e| Error::path("read", &full, e))?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| name != "target" && name != "snapshots" && !name.starts_with('.'))
                .filter(|name| Path::new(name).extension().is_none_or(|extension| extension != "md"))
                .collect();
            names.sort();
            for name in names {
                self = self.add_tree(root, &format!("{path}/{name}"))?;
            }
            Ok(self)
        } else {
            let content = fs::read(&full).map_err(|e| Error::path("read", &full, e))?;
            Ok(self.add(path).add(content))
        }
    }

    pub(crate) fn finish(self) -> String {
        self.0.finalize()[..6].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_delimited() {
        assert_ne!(Inputs::new().add("ab").add("c").finish(), Inputs::new().add("a").add("bc").finish());
        assert_eq!(short_hash("lab").len(), 12);
    }

    #[test]
    fn a_tree_changes_with_a_name_or_a_byte() {
        let dir = tempfile::tempdir().unwrap();
        let hash = || Inputs::new().add_tree(dir.path(), "src").unwrap().finish();
        fs::create_dir_all(dir.path().join("src/target")).unwrap();
        fs::write(dir.path().join("src/a.rs"), "one").unwrap();
        let first = hash();
        fs::write(dir.path().join("src/target/built"), "ignored").unwrap();
        assert_eq!(first, hash());
        fs::write(dir.path().join("src/a.rs"), "two").unwrap();
        assert_ne!(first, hash());
        let second = hash();
        fs::rename(dir.path().join("src/a.rs"), dir.path().join("src/b.rs")).unwrap();
        assert_ne!(second, hash());
    }
}
