//! The data folder: one process at a time owns it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error(
        "the data folder {} is in use by {holder}: a service that keeps its data in SQLite runs in one replica, \
         so stop the other process first",
        folder.display()
    )]
    InUse { folder: PathBuf, holder: String },
    #[error("the data folder {} cannot be used: {source}", folder.display())]
    Unusable { folder: PathBuf, source: io::Error },
}

impl FolderError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "DataFolderInUse",
            Self::Unusable { .. } => "DataFolderUnusable",
        }
    }
}

/// A data folder that this process owns for as long as the value lives. The lock is the kernel's (flock), so a
/// killed process leaves nothing behind that would keep its successor out.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Takes the folder, creating it where it is missing. `owner` is what a refused second process is told.
    pub fn own(path: &Path, owner: &str) -> Result<Self, FolderError> {
        let unusable = |source| FolderError::Unusable { folder: path.to_owned(), source };
        fs::create_dir_all(path).map_err(unusable)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                lock.read_to_string(&mut holder).map_err(unusable)?;
                return Err(FolderError::InUse { folder: path.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        lock.set_len(0).and_then(|()| lock.rewind()).map_err(unusable)?;
        writeln!(lock, "{owner} (process {})", std::process::id()).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_and_told_who_the_first_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = DataFolder::own(folder.path(), "quotation-0").expect("free");
        let refused = DataFolder::own(folder.path(), "quotation-1").expect_err("taken");
        assert_eq!(refused.reason(), "DataFolderInUse");
        assert!(refused.to_string().contains("quotation-0"), "{refused}");
        drop(first);
        DataFolder::own(folder.path(), "quotation-1").expect("free again");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let refused = DataFolder::own(Path::new("/dev/null/data"), "quotation-0").expect_err("no folder");
        assert!(refused.to_string().contains("/dev/null/data"), "{refused}");
    }
}
