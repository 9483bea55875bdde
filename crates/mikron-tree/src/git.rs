//! `.gitignore`: the files of that name in all directories of a tree (gitignore(5)).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use mikron_package::RootPath;

/// The `.gitignore` of a directory.
#[derive(Debug)]
pub(crate) struct GitIgnore(Gitignore);

fn host(path: &RootPath) -> &Path {
    Path::new(OsStr::from_bytes(path.as_bytes()))
}

impl GitIgnore {
    /// Reads the file of a directory of the tree. Lines that are no patterns mean nothing, as for git.
    pub(crate) fn parse(directory: &RootPath, text: &[u8]) -> Result<Self, String> {
        let mut builder = GitignoreBuilder::new(host(directory));
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for line in text.split(|byte| *byte == b'\n') {
            // No pattern can name what is not UTF-8 here; git takes such a line by its bytes.
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
            let _ = builder.add_line(None, &line);
        }
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    /// What the file says of a path in or below its directory; nothing where no line matches.
    pub(crate) fn leaves_out(&self, path: &RootPath, is_directory: bool) -> Option<bool> {
        match self.0.matched(host(path), is_directory) {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        }
    }
}
