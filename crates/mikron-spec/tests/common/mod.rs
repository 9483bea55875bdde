//! What several tests share.
#![allow(dead_code)] // each test file uses a part of it

use std::collections::BTreeMap;

use mikron_package::Limits;
use mikron_spec::{Base, Bases, Reader, Spec, SpecError, Specs};

/// The head that every spec of these tests has.
pub(crate) const HEAD: &str = "mikron: 1\nname: test\nsources:\n  debian: { deb: bookworm }\n";

pub(crate) fn parse(text: &str) -> Result<Spec, SpecError> {
    Spec::parse("test.yaml", text, &Limits::default())
}

/// Parses a spec that consists of the common head and `rest`.
pub(crate) fn with_head(rest: &str) -> Result<Spec, SpecError> {
    parse(&format!("{HEAD}{rest}"))
}

pub(crate) fn good(rest: &str) -> Spec {
    with_head(rest).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn bad(rest: &str) -> SpecError {
    match with_head(rest) {
        Ok(spec) => panic!("accepted: {spec:?}"),
        Err(error) => error,
    }
}

/// The specs that ship as examples: name and text.
pub(crate) fn examples() -> Vec<(String, String)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples");
    let mut found: Vec<_> = std::fs::read_dir(directory)
        .expect("the examples stand beside the crates")
        .map(|entry| entry.expect("a readable directory").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable example");
            let name = path.file_name().expect("a file has a name");
            (name.to_string_lossy().into_owned(), text)
        })
        .collect();
    found.sort();
    assert!(found.len() >= 5, "examples: {found:?}");
    found
}

/// Specs by path, which extend each other.
pub(crate) struct Shelf(BTreeMap<String, String>);

impl Shelf {
    pub(crate) fn of<P: AsRef<str>, T: AsRef<str>>(files: &[(P, T)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| (path.as_ref().to_owned(), text.as_ref().to_owned()));
        Self(files.collect())
    }

    pub(crate) fn read_with(
        &self,
        path: &str,
        params: &[(&str, &str)],
    ) -> Result<Specs, SpecError> {
        let given = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let directory = path
            .rsplit_once('/')
            .map_or(String::new(), |(directory, _)| format!("{directory}/"));
        let bases = Below {
            shelf: self,
            directory,
        };
        let (limits, params) = (Limits::default(), given.collect());
        let reader = Reader {
            forms: &[],
            limits: &limits,
            bases: &bases,
            params: &params,
            of_another: false,
        };
        let spec = self.base(path).expect("the spec itself");
        reader.read(spec)
    }

    pub(crate) fn read(&self, path: &str) -> Result<Specs, SpecError> {
        self.read_with(path, &[])
    }

    pub(crate) fn spec(&self, path: &str) -> Result<Spec, SpecError> {
        self.read(path).map(|specs| specs.plain.spec)
    }

    fn base(&self, path: &str) -> Result<Base, String> {
        let text = self.0.get(path).ok_or("it is not there")?;
        Ok(Base {
            name: path.to_owned(),
            identity: path.to_owned(),
            text: text.clone(),
        })
    }
}

/// What a spec in a directory can extend.
struct Below<'s> {
    shelf: &'s Shelf,
    directory: String,
}

impl Bases for Below<'_> {
    fn base(&self, path: &str) -> Result<Base, String> {
        self.shelf.base(&format!("{}{path}", self.directory))
    }
}
