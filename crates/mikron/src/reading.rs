//! How a spec is read: with what it extends, under which policy, with which parameters.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mikron_package::Limits;
use mikron_spec::{Base, Bases, Policy, Reader, builtin};

use crate::families::Families;
use crate::files::{self, Beside};
use crate::order::Order;
use crate::{Builder, Error};

/// How a spec is read, where [`Builder::from_file`] does not do.
///
/// ```no_run
/// let builder = mikron::Reading::default().param("SUITE", "trixie").file("image.yaml")?;
/// let report = builder.output(mikron::Output::layout("target/image", "latest")).build()?;
/// # Ok::<(), mikron::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Reading {
    families: Families,
    policy: Policy,
    params: BTreeMap<String, String>,
}

impl Reading {
    /// Lets the spec have sources of these families.
    #[must_use]
    pub fn families(mut self, families: Families) -> Self {
        self.families = families;
        self
    }

    /// What the spec may name. The files that it extends are read at once, and so it is said here, too, and not to
    /// the builder alone, by whoever does not know the author.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Gives a parameter of the spec (`params`) a value.
    #[must_use]
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.params.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Reads a file, and what it extends.
    ///
    /// # Errors
    /// When a file cannot be read, is no spec, or may not be named.
    pub fn file(&self, path: impl Into<PathBuf>) -> Result<Builder, Error> {
        let file = path.into();
        let bytes = files::read_capped(&file, Limits::default().spec)?;
        let text = files::text(&file, bytes)?;
        let base = Base {
            name: file.display().to_string(),
            identity: identity(&file),
            text,
        };
        self.read(base, file)
    }

    /// Reads a text, as [`Builder::from_text`] does.
    ///
    /// # Errors
    /// As [`Reading::file`].
    pub fn text(
        &self,
        name: &str,
        text: impl Into<String>,
        directory: impl Into<PathBuf>,
    ) -> Result<Builder, Error> {
        let base = Base {
            name: name.to_owned(),
            identity: String::new(),
            text: text.into(),
        };
        self.read(base, directory.into().join(name))
    }

    /// Reads a spec that comes with the product by its name, as in `nginx`. Its lock would lie in the working directory.
    ///
    /// # Errors
    /// When there is no such spec, or a parameter is none of it.
    pub fn builtin(&self, name: &str) -> Result<Builder, Error> {
        let text = format!("mikron: 1\nextends: [builtin/{name}]\n");
        let base = Base {
            name: format!("builtin/{name}"),
            identity: String::new(),
            text: builtin(name).map_or(text, str::to_owned),
        };
        self.read(base, PathBuf::from(format!("{name}.yaml")))
    }

    fn read(&self, base: Base, file: PathBuf) -> Result<Builder, Error> {
        let directory = file.parent().unwrap_or(Path::new(""));
        let beside = Beside::new(directory, &self.policy);
        let bases = OnDisk {
            beside: &beside,
            policy: &self.policy,
            read: RefCell::default(),
        };
        let limits = Limits::default();
        let reader = Reader {
            forms: &self.families.forms(),
            limits: &limits,
            bases: &bases,
            params: &self.params,
        };
        let specs = reader.read(base)?;
        let mut order = Order::new(specs, file, self.families.clone());
        order.extends = bases.read.into_inner();
        Ok(Builder::new(order).policy(self.policy.clone()))
    }
}

/// Specs that lie beside the one that extends them.
struct OnDisk<'b> {
    beside: &'b Beside,
    policy: &'b Policy,
    /// What was read.
    read: RefCell<Vec<String>>,
}

impl Bases for OnDisk<'_> {
    fn base(&self, path: &str) -> Result<Base, String> {
        if !self.policy.allows(path) {
            return Err("it lies outside the spec's directory".to_owned());
        }
        let read = || {
            let (file, bytes) = self.beside.read(path, Limits::default().spec)?;
            let text = files::text(&file, bytes)?;
            Ok((file, text))
        };
        let (file, text) = read().map_err(|error: Error| match error {
            Error::Io { error, .. } => error.to_string(),
            error => error.to_string(),
        })?;
        self.read.borrow_mut().push(path.to_owned());
        Ok(Base {
            name: self.beside.directory.join(path).display().to_string(),
            identity: identity(&file),
            text,
        })
    }
}

/// The same for the same file, whatever path leads there.
fn identity(file: &Path) -> String {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    file.display().to_string()
}
